/** The columns that say when a thing was made, as images and their history have them; pure, CLI process. */
import type { Column } from './format-rows.ts';
import { goTime } from './human.ts';

/** `since` is the cell for people; both are N/A where nobody knows. `created` is an RFC 3339 time. */
export function createdColumns<Row extends { readonly created: string | null }>(
  since: (created: string) => string,
): Column<Row>[] {
  const cell =
    (text: (created: string) => string) =>
    ({ created }: Row): string =>
      created === null ? 'N/A' : text(created);
  return [
    { name: 'CreatedSince', header: 'CREATED', text: cell(since) },
    { name: 'Created', header: 'CREATED', text: cell(since), isShown: false },
    { name: 'CreatedAt', header: 'CREATED AT', text: cell(goTime), isShown: false },
  ];
}
