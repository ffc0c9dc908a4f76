/** How an event is shown; pure, CLI process. */
import type { StoredEvent } from '../engine/container/watch-events.ts';
import { formatOne } from './format/format-rows.ts';
import { parseTemplate } from './format/template-parser.ts';

/** The text of an event by `--format`: docker's line when there is none. */
export function eventFormatter(format: string | undefined): (event: StoredEvent) => string {
  if (format === undefined) return lineOf;
  if (format === 'json') return (event) => JSON.stringify(fieldsOf(event));
  // A template that cannot be read is an error now, not when something happens.
  parseTemplate(format);
  return (event) => formatOne(format, fieldsOf(event));
}

function lineOf(event: StoredEvent): string {
  const { time, type, action, id } = event;
  const attributes = Object.entries(attributesOf(event)).map(([key, value]) => `${key}=${value}`);
  return `${time} ${type} ${action} ${id} (${attributes.join(', ')})`.replaceAll('\n', '\\n');
}

function attributesOf(event: StoredEvent): Record<string, string> {
  const { labels, attributes, name } = event;
  return { ...labels, ...attributes, ...(event.type === 'container' ? { image: event.image } : {}), name };
}

/** The fields of docker and those of podman. */
function fieldsOf(event: StoredEvent) {
  const { time, type, action, id, name } = event;
  const ms = Date.parse(time);
  const attributes = attributesOf(event);
  return {
    Type: type,
    Action: action,
    Actor: { ID: id, Attributes: attributes },
    ID: id,
    Name: name,
    Image: event.type === 'container' ? event.image : '',
    Status: action,
    Time: time,
    TimeNano: `${String(ms)}000000`,
    Attributes: attributes,
    // The names of docker's JSON.
    id,
    status: action,
    from: event.type === 'container' ? event.image : '',
    scope: 'local',
    time: Math.floor(ms / 1000),
    timeNano: ms * 1_000_000,
  };
}
