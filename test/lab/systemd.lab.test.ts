/** hutch below a real systemd: what logind, the user's manager and cron make of containers, as an ordinary user sees it. */

import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { labSkip, printed, useLab } from './start-lab.ts';

const ALICE = '/run/user/$(id -u alice)';
const BOB = '/run/user/$(id -u bob)';

describe('hutch below systemd', { skip: labSkip() }, () => {
  const lab = useLab();
  const alice = async (command: string): Promise<string> => printed(await lab.as('alice', command));
  const why = (name: string): Promise<string> => alice(`hutch why ${name}`);

  /** A script of alice's that cron starts; returns when it has ended. */
  async function runByCron(script: string): Promise<void> {
    await lab.root(`printf '%s\\ntouch /tmp/cron-done\\n' "${script}" >/home/alice/job`);
    await lab.root(`printf '* * * * * alice sh /home/alice/job >/tmp/cron-output 2>&1\\n' >/etc/cron.d/lab`);
    // Three seconds before the next full minute.
    await lab.root(`systemctl stop cron && date --set=@$(( ($(date +%s) / 60 + 1) * 60 - 3 )) && systemctl start cron`);
    await lab.until('test -e /tmp/cron-done', 90);
    await lab.root('rm /etc/cron.d/lab /tmp/cron-done');
  }

  it('doctor names the controllers that are delegated, and its remedies for the others do what they say', async () => {
    // Its status is no matter here: it gives slirp4netns only so much time.
    const doctor = async (): Promise<string> => (await lab.as('alice', 'hutch doctor')).stdout;
    const before = await doctor();
    assert.match(before, /^warn {2}cgroup delegation: by \/run\/user\/\d+\/bus: cpu memory pids$/mu);
    assert.match(before, /controllers cpuset io are not delegated/u);
    const remedy = /Your admin can do, as root:\n {2}cgroup delegation:\n(?<lines>(?: {4}.*\n)+)/u.exec(before);
    await lab.root(remedy?.groups?.['lines'] ?? 'false');
    await alice('systemctl --user daemon-reexec');
    assert.match(await doctor(), /^ok {4}cgroup delegation: by \S+: cpuset cpu io memory pids$/mu);
    await lab.root('rm /etc/systemd/system/user@.service.d/delegate.conf && systemctl daemon-reload');
  });

  it('a container starts, with a network and its own /proc', async () => {
    const script = 'id -u; ip -4 -o address show dev tap0; cat /proc/1/comm; ls /proc/acpi';
    assert.match(await alice(`hutch run --rm host sh -c '${script}'`), /^0\n.*inet 10\.0\.2\.100\/24.*\nsh\n$/u);
  });

  it('a detached container keeps its session, and with it the runtime directory, though nobody is logged in', async () => {
    const { code, stderr } = await lab.as('alice', 'hutch run -d --name left host sleep 1000');
    assert.deepEqual([code, stderr], [0, ''], 'there is nothing to warn of');
    await lab.logOut('alice');
    // Control: of bob, who leaves nothing behind, the directory goes.
    await lab.as('bob', 'true');
    await lab.logOut('bob');
    await lab.until(`test ! -e ${BOB}`);
    await lab.root(`test -d ${ALICE}`);
    assert.equal(await alice(`hutch exec left sh -c 'echo $HOSTNAME | wc -l'`), '1\n');
    assert.doesNotMatch(await why('left'), /logged out|login session/u);
    await alice('hutch rm -f left');
  });

  it('where logind ends what a session leaves behind, that is said before, and after; a scope outlives it', async () => {
    const config = '/etc/systemd/logind.conf.d/lab.conf';
    await lab.root(`mkdir -p $(dirname ${config}); printf '[Login]\\nKillUserProcesses=yes\\n' >${config}`);
    await lab.root('systemctl restart systemd-logind && loginctl enable-linger alice');
    await lab.logOut('alice');
    const { stderr } = await lab.as('alice', 'hutch run -d --cgroup-driver none --name ends host sleep 1000');
    assert.match(stderr, /the container ends with login session \S+: .*systemd-run --user --scope hutch run -d/u);
    await alice('systemd-run --user --scope --quiet hutch run -d --cgroup-driver none --name stays host sleep 1000');
    await alice('hutch run -d --name scoped host sleep 1000');
    const monitor = (await alice('pgrep -f "^hutch monitor ends|run -d --cgroup-driver none --name ends"'))
      .trim()
      .split('\n');
    await lab.logOut('alice');
    await lab.until(`! ps ${monitor.join(' ')}`);
    assert.match(await why('ends'), /the login session \S+, in which it ran, has ended/u);
    assert.match(await why('stays'), /^stays .* is running/u);
    assert.match(
      await why('scoped'),
      /^scoped .* is running/u,
      'its own scope belongs to the manager of one who lingers',
    );
    await alice('hutch rm -f ends stays scoped');
    await lab.root(`rm ${config} && systemctl restart systemd-logind && loginctl disable-linger alice`);
    await lab.logOut('alice');
  });

  it('what su started without a login is reached from a login, too', async () => {
    await lab.logOut('alice');
    await lab.until(`test ! -e ${ALICE}`);
    await lab.root(`su - alice -c 'hutch run -d --name bysu host sleep 1000'`);
    assert.match(await alice('hutch info'), /\/tmp\/hutch-\d+/u, 'the place without a login is in use');
    assert.equal(await alice('hutch stop -t 1 bysu'), 'bysu\n');
    await alice('hutch rm bysu');
    assert.doesNotMatch(await alice('hutch info'), /\/tmp\/hutch-\d+/u);
  });

  it('what cron started is reached from a login, too', async () => {
    await lab.logOut('alice');
    await lab.until(`test ! -e ${ALICE}`);
    const limited = '/usr/local/bin/hutch run --rm --net none -m 64m host true';
    await runByCron(`/usr/local/bin/hutch run -d --name bycron host sleep 1000; ${limited}`);
    assert.match(await lab.root('cat /tmp/cron-output'), /cannot apply --memory: .*\n.*loginctl enable-linger/u);
    const pid = (await alice('hutch inspect -f {{.State.Pid}} bycron')).trim();
    assert.match(await lab.root(`cat /proc/${pid}/cgroup`), /cron\.service/u);
    assert.equal(await alice('hutch exec bycron echo reached'), 'reached\n');
    await alice('hutch rm -f bycron');
  });

  it('limits of what cron starts hold while its user is logged in', async () => {
    await alice('true');
    await runByCron('/usr/local/bin/hutch run --rm --net none -m 64m host cat /sys/fs/cgroup/memory.max');
    assert.equal(await lab.root('cat /tmp/cron-output'), '67108864\n');
  });

  it('when all sessions of a user are ended, nothing is left of containers but what they were', async () => {
    const run = 'hutch run -d --stop-timeout 2 --name';
    await alice(`${run} polite host sh -c 'trap "exit 3" TERM; while :; do sleep 0.1; done'`);
    await alice(`${run} deaf host sh -c 'trap "" TERM; while :; do sleep 0.1; done'`);
    const scopes = "find /sys/fs/cgroup -name 'hutch-*.scope' -path '*user@*'";
    assert.equal(await lab.root(`${scopes} | wc -l`), '2\n', 'control');
    await lab.root('loginctl terminate-user alice');
    await lab.logOut('alice');
    await lab.until(`! pgrep -u alice && ! ${scopes} | grep . && ! grep -e hutch /proc/mounts && test ! -e ${ALICE}`);
    const list = await alice('hutch ps -a');
    assert.match(list, /Exited \(3\) .*polite$/mu);
    assert.match(list, /Exited \(137\) [^(]*deaf$/mu);
    assert.match(await why('polite'), /systemd was ending hutch-\w+\.scope, its scope: .*after the last logout/u);
    assert.match(await why('deaf'), /systemd was ending hutch-\w+\.scope, its scope: .*after the last logout/u);
    await alice('hutch check --repair; hutch rm polite deaf');
  });

  it('an installed container that cannot start yet is tried again', async () => {
    await alice('hutch create --name web --restart always --stop-timeout 1 host sleep 100000');
    assert.match((await lab.as('alice', 'hutch container install web')).stderr, /it is started when you log in/u);
    // What the container was made with is the overlay of a /var without file systems below it.
    await lab.root('mkdir /var/lib/late && mount -t tmpfs none /var/lib/late');
    assert.notEqual((await lab.as('alice', 'systemctl --user start hutch-web')).code, 0);
    const journal = await alice('journalctl --user --unit hutch-web --output cat');
    assert.match(journal, /mount\(overlay, \/var\).*\n.*another file system is mounted below one of them/u);
    await lab.root('umount /var/lib/late');
    await lab.until('pgrep -xu alice sleep');
  });

  it('an installed container goes and comes with the logins of its user', async () => {
    assert.doesNotMatch((await lab.as('alice', 'hutch container install web')).stderr, /outside of the unit/u);
    assert.match(await why('web'), /the container ends when you have logged out everywhere/u);
    await lab.logOut('alice');
    await lab.until(`test ! -e ${ALICE}`);
    assert.equal(await lab.root('pgrep -cu alice || true'), '0\n');
    await lab.as('alice', 'true');
    await lab.until('pgrep -xu alice sleep');
  });

  it('an installed container of a user who lingers is there after a boot', async () => {
    // By herself, without root: polkit lets her.
    await alice('loginctl enable-linger');
    await lab.reboot();
    await lab.until('pgrep -xu alice sleep', 120);
    assert.match(await lab.root('loginctl list-sessions --no-legend'), /^(?!.*alice)/u);
    assert.match(await why('web'), /^web .* is running/u);
    await alice('hutch container uninstall web && hutch rm -f web && loginctl disable-linger');
  });

  it('each test has removed its containers', async () => {
    assert.equal(await alice('hutch ps -aq'), '');
  });
});
