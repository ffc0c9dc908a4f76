/* One end of a connection, for bench:network; static, so that it needs no image. Usage: end PORT | end ADDRESS PORT MEBIBYTES | end ADDRESS PORT COUNT turns */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static char zeros[1 << 17];

/* Keeps this thread on one processor. Where the scheduler puts two that take turns is luck: waking an idle processor takes ten times as long as the turn. */
static void stay(void) {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(0, &one);
  if (sched_setaffinity(0, sizeof one, &one)) perror("sched_setaffinity");
}

/* The first byte says what is wanted: s one byte, e all that follows back, p the same on one processor, t all that follows taken and then one byte. */
static void *serve(void *argument) {
  int fd = (int)(intptr_t)argument;
  char buffer[1 << 16], kind = 0;
  ssize_t got;
  if (read(fd, &kind, 1) == 1) {
    if (kind == 'p') stay();
    if (kind != 's')
      while ((got = read(fd, buffer, sizeof buffer)) > 0)
        if ((kind == 'e' || kind == 'p') && write(fd, buffer, got) != got) break;
    if (kind != 'e' && kind != 'p' && write(fd, "k", 1) != 1) perror("write");
  }
  close(fd);
  return NULL;
}

static int listen_at(struct sockaddr_in *at) {
  int server = socket(AF_INET, SOCK_STREAM, 0);
  if (bind(server, (struct sockaddr *)at, sizeof *at) || listen(server, 4096)) return perror("listen"), 1;
  for (;;) {
    pthread_t thread;
    int fd = accept(server, NULL, NULL);
    if (fd >= 0 && pthread_create(&thread, NULL, serve, (void *)(intptr_t)fd) == 0) pthread_detach(thread);
  }
}

/* Prints the seconds that so many mebibytes took until the other end had them. */
static int send_to(struct sockaddr_in *to, long mebibytes) {
  struct timespec start, end;
  char answer;
  int fd = socket(AF_INET, SOCK_STREAM, 0);
  clock_gettime(CLOCK_MONOTONIC, &start);
  if (connect(fd, (struct sockaddr *)to, sizeof *to) || write(fd, "t", 1) != 1) return perror("connect"), 1;
  for (long left = mebibytes << 20; left > 0;) {
    ssize_t sent = write(fd, zeros, left < (long)sizeof zeros ? (size_t)left : sizeof zeros);
    if (sent < 0) return perror("write"), 1;
    left -= sent;
  }
  shutdown(fd, SHUT_WR);
  if (read(fd, &answer, 1) != 1) return perror("read"), 1;
  clock_gettime(CLOCK_MONOTONIC, &end);
  printf("%f\n", (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9);
  return 0;
}

/* Prints the seconds that a byte took to go there and back so many times, with both ends on one processor. */
static int take_turns(struct sockaddr_in *to, long count) {
  struct timespec start, end;
  char byte = 'x';
  int yes = 1, fd = socket(AF_INET, SOCK_STREAM, 0);
  setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof yes);
  stay();
  if (connect(fd, (struct sockaddr *)to, sizeof *to) || write(fd, "p", 1) != 1) return perror("connect"), 1;
  clock_gettime(CLOCK_MONOTONIC, &start);
  for (; count > 0; count--)
    if (write(fd, &byte, 1) != 1 || read(fd, &byte, 1) != 1) return perror("turn"), 1;
  clock_gettime(CLOCK_MONOTONIC, &end);
  printf("%f\n", (double)(end.tv_sec - start.tv_sec) + (double)(end.tv_nsec - start.tv_nsec) / 1e9);
  return 0;
}

int main(int argc, char **argv) {
  struct sockaddr_in at = {.sin_family = AF_INET};
  signal(SIGPIPE, SIG_IGN);
  at.sin_port = htons(atoi(argv[argc < 4 ? 1 : 2]));
  if (argc < 4) return listen_at(&at);
  inet_pton(AF_INET, argv[1], &at.sin_addr);
  return argc > 4 ? take_turns(&at, atol(argv[3])) : send_to(&at, atol(argv[3]));
}
