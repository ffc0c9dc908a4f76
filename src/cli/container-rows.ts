/** What `hutch ps` says of a container: columns, fields of templates, JSON; pure, CLI process. */
import { leadingPorts } from '../engine/container/leading-ports.ts';
import { healthText, type ListedContainer } from '../engine/container/list-containers.ts';
import type { ContainerSize } from '../engine/container/measure-containers.ts';
import type { Column } from './format/format-rows.ts';
import { portRanges } from './port-ranges.ts';
import { goTime, humanSince, humanSize } from './format/human.ts';

export interface RowOptions {
  readonly isWhole: boolean;
  /** Undefined unless sizes were asked for. */
  readonly sizes: ReadonlyMap<string, ContainerSize> | undefined;
}

type Columns = readonly Column<ListedContainer>[];

const SHORT_ID = 12;
const COMMAND_WIDTH = 30;

/** The columns, of which templates see more than the table. */
export function containerColumns({ isWhole, sizes }: RowOptions): Columns {
  const onlyTemplates = { isShown: false } as const;
  return [
    { name: 'ID', header: 'CONTAINER ID', text: ({ record }) => (isWhole ? record.id : record.id.slice(0, SHORT_ID)) },
    { name: 'Image', header: 'IMAGE', text: ({ record }) => record.image.reference },
    { name: 'Command', header: 'COMMAND', text: (row) => commandText(row, isWhole) },
    { name: 'RunningFor', header: 'CREATED', text: ({ record }) => humanSince(record.createdAt) },
    { name: 'Status', header: 'STATUS', text: statusText },
    { name: 'Ports', header: 'PORTS', text: portsText },
    { name: 'Names', header: 'NAMES', text: ({ record }) => record.name },
    {
      name: 'Size',
      header: 'SIZE',
      text: ({ record }) => sizeText(sizes?.get(record.id)),
      isShown: sizes !== undefined,
    },
    { name: 'Created', header: 'CREATED', text: ({ record }) => humanSince(record.createdAt), ...onlyTemplates },
    { name: 'CreatedAt', header: 'CREATED AT', text: ({ record }) => goTime(record.createdAt), ...onlyTemplates },
    { name: 'State', header: 'STATE', text: ({ state }) => state.status, ...onlyTemplates },
    { name: 'Labels', header: 'LABELS', text: labelsText, ...onlyTemplates },
    { name: 'Mounts', header: 'MOUNTS', text: ({ volumes }) => volumes().join(','), ...onlyTemplates },
    { name: 'LocalVolumes', header: 'LOCAL VOLUMES', text: () => '0', ...onlyTemplates },
    { name: 'Networks', header: 'NETWORKS', text: ({ networks }) => networks().join(','), ...onlyTemplates },
    { name: 'ImageID', header: 'IMAGE ID', text: ({ record }) => record.image.id, ...onlyTemplates },
    { name: 'Pid', header: 'PID', text: ({ state }) => String(state.init?.pid ?? 0), ...onlyTemplates },
    { name: 'ExitCode', header: 'EXIT CODE', text: ({ state }) => String(state.exitCode ?? 0), ...onlyTemplates },
    { name: 'Restarts', header: 'RESTARTS', text: ({ state }) => String(state.restartCount), ...onlyTemplates },
  ];
}

/** Methods of docker's templates: `{{.Label "key"}}`. */
export function containerMethods({ record }: ListedContainer): object {
  const labels = new Map(Object.entries(record.labels));
  return { Label: (key: unknown) => labels.get(String(key)) ?? '' };
}

/** As with docker: of `com.example.some-role` it is `some role`. */
export const METHOD_HEADINGS = {
  Label: (key: unknown) => (String(key).split('.').at(-1) ?? '').replaceAll(/[-_]/gu, ' '),
};

/** For programs: nothing is shortened, times are RFC 3339, sizes are bytes. */
export function containerJson({ record, state, networks, volumes }: ListedContainer, { sizes }: RowOptions): object {
  const size = sizes?.get(record.id);
  return {
    ID: record.id,
    Names: record.name,
    Image: record.image.reference,
    ImageID: record.image.id,
    Command: record.command.join(' '),
    CreatedAt: record.createdAt,
    StartedAt: state.startedAt,
    FinishedAt: state.finishedAt,
    State: state.status,
    Status: statusText({ state }),
    ExitCode: state.exitCode,
    Pid: state.init?.pid ?? 0,
    Restarts: state.restartCount,
    Ports: portsText({ record, state }),
    Labels: record.labels,
    Mounts: volumes(),
    Networks: networks(),
    ...(size === undefined ? {} : { Size: size.ownBytes, VirtualSize: size.allBytes }),
  };
}

function commandText({ record }: ListedContainer, isWhole: boolean): string {
  const command = record.command.join(' ');
  return isWhole || command.length <= COMMAND_WIDTH ? command : `${command.slice(0, COMMAND_WIDTH - 1)}…`;
}

/** Of a container that runs; ports that follow each other on both sides are one range, as with docker. */
function portsText({ record, state }: Pick<ListedContainer, 'record' | 'state'>): string {
  return state.status === 'running' || state.status === 'paused'
    ? portRanges(leadingPorts(record, state)).join(', ')
    : '';
}

function labelsText({ record }: ListedContainer): string {
  return Object.entries(record.labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(',');
}

function sizeText(size: ContainerSize | undefined): string {
  return size === undefined ? '' : `${humanSize(size.ownBytes)} (virtual ${humanSize(size.allBytes)})`;
}

function statusText({ state }: Pick<ListedContainer, 'state'>): string {
  const { status, exitCode, startedAt, finishedAt } = state;
  const code = String(exitCode ?? 0);
  const when = finishedAt === null ? '' : ` ${humanSince(finishedAt)}`;
  const up = startedAt === null ? 'Up' : `Up ${humanSince(startedAt).replace(/ ago$/u, '')}`;
  switch (status) {
    case 'running':
      return `${up}${healthText(state.health)}`;
    case 'paused':
      return `${up} (Paused)`;
    case 'restarting':
      return `Restarting (${code})${when}`;
    case 'exited':
      return `Exited (${code})${when}${state.reason === null ? '' : ` (${state.reason})`}`;
    case 'removing':
      return 'Removing';
    case 'created':
      return 'Created';
  }
}
