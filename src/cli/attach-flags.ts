/** The flags that say how a user is connected to a container; CLI process. */
import { Flags } from './base-command.ts';

export const ATTACH_FLAGS = {
  'detach-keys': Flags.string({
    description: 'keys that leave the container running on its own (default ctrl-p,ctrl-q)',
  }),
  'sig-proxy': Flags.boolean({ default: true, description: 'pass signals on to the command' }),
};

export function attachOptions(flags: { readonly 'detach-keys'?: string | undefined; readonly 'sig-proxy': boolean }): {
  readonly detachKeys: string | undefined;
  readonly sigProxy: boolean;
} {
  return { detachKeys: flags['detach-keys'], sigProxy: flags['sig-proxy'] };
}
