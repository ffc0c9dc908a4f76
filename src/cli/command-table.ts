/**
 * Every command of hutch: the words that call it, one line about it, and how to load it; CLI process.
 * Loading is lazy on purpose: a command's module, and the engine below it, is evaluated only when it is called.
 */

import type { HutchCommand } from './base-command.ts';

/** What a file in `commands/` exports by default: the statics of HutchCommand, on a class that can be made. */
export type CommandClass = Pick<typeof HutchCommand, keyof typeof HutchCommand> &
  (new (...parameters: ConstructorParameters<typeof HutchCommand>) => HutchCommand);

export interface CommandRow {
  /** Imperative, one line, no full stop. */
  readonly summary: string;
  readonly load: () => Promise<{ readonly default: CommandClass }>;
  /** Other words that call the same command (`container rm` for `rm`). */
  readonly aliases?: readonly string[];
}

/** By the words that call it. A row `image import` lives in `commands/image/import.ts`. */
export const COMMANDS: Readonly<Record<string, CommandRow>> = {
  attach: {
    summary: 'Connect to a container that runs',
    load: () => import('../../commands/attach.ts'),
    aliases: ['container attach'],
  },
  check: {
    summary: 'Find and mend what a crash has left',
    load: () => import('../../commands/check.ts'),
  },
  commit: {
    summary: 'Make an image of what a container has changed',
    load: () => import('../../commands/commit.ts'),
    aliases: ['container commit'],
  },
  completion: {
    summary: 'Print the completion script for a shell',
    load: () => import('../../commands/completion.ts'),
  },
  'container exists': {
    summary: 'Tell by the exit code whether a container is there',
    load: () => import('../../commands/container/exists.ts'),
  },
  'container inspect': {
    summary: 'Show everything about containers',
    load: () => import('../../commands/container/inspect.ts'),
  },
  'container prune': {
    summary: 'Remove containers that do not run',
    load: () => import('../../commands/container/prune.ts'),
  },
  'container install': {
    summary: 'Have systemd start a container at boot',
    load: () => import('../../commands/container/install.ts'),
  },
  'container uninstall': {
    summary: 'Take that back',
    load: () => import('../../commands/container/uninstall.ts'),
  },
  create: {
    summary: 'Make a container without starting it',
    load: () => import('../../commands/create.ts'),
    aliases: ['container create'],
  },
  cp: {
    summary: 'Copy files into and out of a container',
    load: () => import('../../commands/cp.ts'),
    aliases: ['container cp'],
  },
  diff: {
    summary: 'Show what a container has changed',
    load: () => import('../../commands/diff.ts'),
    aliases: ['container diff'],
  },
  doctor: {
    summary: 'Try everything that running a container needs, and say how to mend what fails',
    load: () => import('../../commands/doctor.ts'),
  },
  exec: {
    summary: 'Run a command in a container that runs',
    load: () => import('../../commands/exec.ts'),
    aliases: ['container exec'],
  },
  events: {
    summary: 'Show what happens to containers and networks',
    load: () => import('../../commands/events.ts'),
    aliases: ['system events'],
  },
  export: {
    summary: 'Write the whole tree of a container to an archive',
    load: () => import('../../commands/export.ts'),
    aliases: ['container export'],
  },
  gc: {
    summary: 'Delete what no image and no container needs',
    load: () => import('../../commands/gc.ts'),
  },
  history: {
    summary: 'Show how an image came about',
    load: () => import('../../commands/history.ts'),
    aliases: ['image history'],
  },
  images: {
    summary: 'List images',
    load: () => import('../../commands/images.ts'),
    aliases: ['image ls', 'image list'],
  },
  'image exists': {
    summary: 'Tell by the exit code whether an image is there',
    load: () => import('../../commands/image/exists.ts'),
  },
  'image import': {
    summary: 'Make an image from a root file system tarball',
    load: () => import('../../commands/image/import.ts'),
    aliases: ['import'],
  },
  'image inspect': {
    summary: 'Show what is known of an image',
    load: () => import('../../commands/image/inspect.ts'),
  },
  'image prune': {
    summary: 'Remove images that nothing uses',
    load: () => import('../../commands/image/prune.ts'),
  },
  info: {
    summary: 'Describe this host and what hutch uses of it',
    load: () => import('../../commands/info.ts'),
    aliases: ['system info'],
  },
  inspect: {
    summary: 'Show everything about containers, images and networks',
    load: () => import('../../commands/inspect.ts'),
  },
  kill: {
    summary: 'Send a signal to containers',
    load: () => import('../../commands/kill.ts'),
    aliases: ['container kill'],
  },
  load: {
    summary: 'Read images from an archive',
    load: () => import('../../commands/load.ts'),
    aliases: ['image load'],
  },
  logs: {
    summary: 'Print what a container has written',
    load: () => import('../../commands/logs.ts'),
    aliases: ['container logs'],
  },
  'network connect': {
    summary: 'Put a container on one more network',
    load: () => import('../../commands/network/connect.ts'),
  },
  'network create': {
    summary: 'Make a network for containers to share',
    load: () => import('../../commands/network/create.ts'),
  },
  'network disconnect': {
    summary: 'Take a container off a network',
    load: () => import('../../commands/network/disconnect.ts'),
  },
  'network exists': {
    summary: 'Tell by the exit code whether a network is there',
    load: () => import('../../commands/network/exists.ts'),
  },
  'network inspect': {
    summary: 'Show everything about networks',
    load: () => import('../../commands/network/inspect.ts'),
  },
  'network ls': {
    summary: 'List networks',
    load: () => import('../../commands/network/ls.ts'),
    aliases: ['network list'],
  },
  'network prune': {
    summary: 'Remove networks that no container is on',
    load: () => import('../../commands/network/prune.ts'),
  },
  'network rm': {
    summary: 'Remove networks',
    load: () => import('../../commands/network/rm.ts'),
    aliases: ['network remove'],
  },
  pause: {
    summary: 'Hold all processes of containers',
    load: () => import('../../commands/pause.ts'),
    aliases: ['container pause'],
  },
  'plan exec': {
    summary: 'Show step by step what `exec` would do, without doing it',
    load: () => import('../../commands/plan/exec.ts'),
  },
  'plan run': {
    summary: 'Show step by step what `run` would do, without doing it',
    load: () => import('../../commands/plan/run.ts'),
  },
  port: {
    summary: 'List the published ports of a container',
    load: () => import('../../commands/port.ts'),
    aliases: ['container port'],
  },
  ps: {
    summary: 'List containers',
    load: () => import('../../commands/ps.ts'),
    aliases: ['container ls', 'container list', 'container ps'],
  },
  login: {
    summary: 'Log in to a registry',
    load: () => import('../../commands/login.ts'),
  },
  logout: {
    summary: 'Forget the login to a registry',
    load: () => import('../../commands/logout.ts'),
  },
  pull: {
    summary: 'Fetch images from a registry',
    load: () => import('../../commands/pull.ts'),
    aliases: ['image pull'],
  },
  push: {
    summary: 'Send an image to a registry',
    load: () => import('../../commands/push.ts'),
    aliases: ['image push'],
  },
  rename: {
    summary: 'Give a container another name',
    load: () => import('../../commands/rename.ts'),
    aliases: ['container rename'],
  },
  restart: {
    summary: 'Stop containers and start them again',
    load: () => import('../../commands/restart.ts'),
    aliases: ['container restart'],
  },
  rmi: {
    summary: 'Remove images',
    load: () => import('../../commands/rmi.ts'),
    aliases: ['image rm', 'image remove'],
  },
  rm: {
    summary: 'Remove containers',
    load: () => import('../../commands/rm.ts'),
    aliases: ['container rm', 'container remove'],
  },
  run: {
    summary: 'Run a command in a new container',
    load: () => import('../../commands/run.ts'),
    aliases: ['container run'],
  },
  save: {
    summary: 'Write images to an archive',
    load: () => import('../../commands/save.ts'),
    aliases: ['image save'],
  },
  start: {
    summary: 'Start containers that were made or have ended',
    load: () => import('../../commands/start.ts'),
    aliases: ['container start'],
  },
  stats: {
    summary: 'Show what containers use: processor, memory, network, disk',
    load: () => import('../../commands/stats.ts'),
    aliases: ['container stats'],
  },
  stop: {
    summary: 'Ask containers to end',
    load: () => import('../../commands/stop.ts'),
    aliases: ['container stop'],
  },
  'system df': {
    summary: 'Show what takes space on disk',
    load: () => import('../../commands/system/df.ts'),
  },
  'system prune': {
    summary: 'Remove containers, images and remains that nothing needs',
    load: () => import('../../commands/system/prune.ts'),
  },
  'system reset': {
    summary: 'Remove everything that hutch keeps',
    load: () => import('../../commands/system/reset.ts'),
  },
  tag: {
    summary: 'Give an image more names',
    load: () => import('../../commands/tag.ts'),
    aliases: ['image tag'],
  },
  top: {
    summary: 'List the processes in a container',
    load: () => import('../../commands/top.ts'),
    aliases: ['container top'],
  },
  unpause: {
    summary: 'Let paused containers go on',
    load: () => import('../../commands/unpause.ts'),
    aliases: ['container unpause'],
  },
  untag: {
    summary: 'Take names from an image, which stays',
    load: () => import('../../commands/untag.ts'),
    aliases: ['image untag'],
  },
  update: {
    summary: 'Change the limits of containers',
    load: () => import('../../commands/update.ts'),
    aliases: ['container update'],
  },
  version: {
    summary: 'Print the version of hutch and of what it runs on',
    load: () => import('../../commands/version.ts'),
  },
  wait: {
    summary: 'Wait until containers have ended',
    load: () => import('../../commands/wait.ts'),
    aliases: ['container wait'],
  },
  why: {
    summary: 'Say why a container has ended',
    load: () => import('../../commands/why.ts'),
    aliases: ['container why'],
  },
};

/** First words that only group commands, for `hutch image --help`. */
export const TOPICS: Readonly<Record<string, string>> = {
  container: 'Work with containers',
  image: 'Work with images',
  network: 'Work with networks that containers share',
  plan: 'Show what a command would do, step by step, without doing it',
  system: 'Look after the store',
};
