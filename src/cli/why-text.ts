/** `hutch why` for people: one screen; pure, CLI process. */
import type { Life, WhyReport } from '../engine/container/why-container.ts';
import { humanDuration, humanSince } from './format/human.ts';

const LABEL_WIDTH = 10;
const OUTPUT_LENGTH = 200;

/** The report as lines of text. What a container has written can do nothing to the terminal. */
export function whyText(report: WhyReport): string {
  const rows = [
    `${report.name} (${report.id.slice(0, 12)}, image ${report.image}) ${headline(report)}`,
    ...labelled('why', report.causes),
    ...labelled('started', report.startedAt === null ? [] : [`${report.startedAt}${ranFor(report)}`]),
    ...labelled('ended', report.finishedAt === null || isUp(report) ? [] : [report.finishedAt]),
    ...labelled('used', report.used),
    ...labelled('depends on', report.dependsOn),
    ...labelled('restarts', restartTexts(report)),
    ...labelled('network', report.network),
    ...labelled('health', healthTexts(report)),
    ...labelled('last lines', report.lastLines),
  ];
  return rows.map(harmless).join('\n');
}

function isUp({ status }: WhyReport): boolean {
  return status === 'running' || status === 'paused' || status === 'restarting';
}

function headline(report: WhyReport): string {
  const { status, exitCode, startedAt, finishedAt } = report;
  if (status === 'created') return 'has not run';
  if (isUp(report))
    return `is ${status}${startedAt === null ? '' : `, for ${humanDuration(Date.now() - Date.parse(startedAt)).toLowerCase()}`}`;
  const gone = status === 'removed' ? ' and is removed' : '';
  const when = finishedAt === null ? '' : ` ${humanSince(finishedAt).toLowerCase()}`;
  return startedAt === null
    ? `never ran${gone}`
    : `ended${when}${exitCode === null ? '' : ` with exit code ${String(exitCode)}`}${gone}`;
}

function ranFor(report: WhyReport): string {
  const { startedAt, finishedAt } = report;
  if (startedAt === null || finishedAt === null || isUp(report)) return '';
  return `, ran for ${(Math.max(0, Date.parse(finishedAt) - Date.parse(startedAt)) / 1000).toFixed(1)} s`;
}

function restartTexts({ restart, lives }: WhyReport): string[] {
  if (restart === null || (restart.policy === 'no' && lives.length < 2)) return [];
  const limit = restart.limit === null ? '' : ` of at most ${String(restart.limit)}`;
  const policy = `policy ${restart.policy}: started again ${String(restart.count)} time(s)${limit}`;
  return [policy, ...(lives.length < 2 ? [] : lives.map(lifeText))];
}

function healthTexts({ health }: WhyReport): string[] {
  const last = health?.log.at(-1);
  if (health === null) return [];
  const streak = health.failingStreak === 0 ? '' : `, ${String(health.failingStreak)} failure(s) in a row`;
  return [
    `${health.status}${streak}`,
    ...(last === undefined || last.exitCode === 0
      ? []
      : [
          `last probe at ${last.start} with code ${String(last.exitCode)}: ${last.output.trim().slice(0, OUTPUT_LENGTH)}`,
        ]),
  ];
}

function lifeText({ startedAt, finishedAt, exitCode }: Life): string {
  const end = finishedAt === null ? 'no end on record' : `${finishedAt} with code ${String(exitCode)}`;
  return `${startedAt ?? '?'} … ${end}`;
}

function labelled(label: string, texts: readonly string[]): string[] {
  return texts.map((text, index) => `  ${(index === 0 ? label : '').padEnd(LABEL_WIDTH)}  ${text}`);
}

/** Without control characters. */
function harmless(line: string): string {
  return line.replace(/\p{Cc}/gu, (character) => (character === '\t' ? character : '\ufffd'));
}
