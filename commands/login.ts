/** `hutch login`: runs in the CLI process. */
import { text } from 'node:stream/consumers';
import { Args, Flags, HutchCommand } from '../src/cli/base-command.ts';
import { EXIT_OK } from '../src/errors/exit-codes.ts';
import { interruptible } from '../src/cli/interrupted.ts';
import { writeErr } from '../src/cli/output.ts';
import { REGISTRY_FLAGS, registryAccess } from '../src/cli/registry-flags.ts';
import { readLine, readSecret } from '../src/cli/read-line.ts';
import { HutchError } from '../src/errors/hutch-error.ts';
import { loggedInUser, login } from '../src/engine/registry/login.ts';

export default class Login extends HutchCommand {
  static override summary = 'Log in to a registry';
  static override description = `The password is checked with the registry, then kept in the auth file that podman and skopeo read too, or handed to the
credential program that credHelpers or credsStore names. Without REGISTRY it is Docker Hub.`;
  static override examples = [
    '<%= config.bin %> login quay.io',
    'pass show registry | <%= config.bin %> login -u me --password-stdin registry.example.org:5000',
    '<%= config.bin %> login --get-login quay.io',
  ];
  static override args = { registry: Args.string({ description: 'HOST[:PORT][/PATH]' }) };
  static override flags = {
    username: Flags.string({ char: 'u', description: 'user name; asked for when not given' }),
    password: Flags.string({ char: 'p', description: 'password; others can see it in the list of processes' }),
    'password-stdin': Flags.boolean({ description: 'take the password from stdin', exclusive: ['password'] }),
    'get-login': Flags.boolean({ description: 'print the user name that is logged in, and change nothing' }),
    ...REGISTRY_FLAGS,
    verbose: Flags.boolean({ char: 'v', description: 'also say where the password is kept' }),
  };

  async run(): Promise<number> {
    const { args, flags } = await this.parse(Login);
    if (flags['get-login']) {
      this.print(await loggedInUser(args.registry, flags.authfile));
      return EXIT_OK;
    }
    if (flags.password !== undefined)
      this.warn('--password shows the password to everybody on this machine; use --password-stdin');
    if (flags['password-stdin'] && flags.username === undefined)
      throw new HutchError('--password-stdin needs --username', {
        code: 'USAGE_INVALID',
        hint: 'stdin brings the password alone: say who you are with -u',
      });
    const username = flags.username ?? ask('User name: ');
    const password =
      flags.password ?? (flags['password-stdin'] ? await wholeStdin() : (readSecret('Password: ') ?? ''));
    const options = {
      registry: args.registry,
      username,
      password,
      ...registryAccess(flags),
    };
    const keeper = await interruptible('nothing was kept', (signal) => login(options, signal));
    if (flags.verbose) this.print(`Used: ${keeper}`);
    this.print('Login Succeeded');
    return EXIT_OK;
  }
}

function ask(question: string): string {
  if (process.stdin.isTTY) writeErr(question);
  return readLine() ?? '';
}

/** The line feed that echo(1) adds does not belong to it. */
async function wholeStdin(): Promise<string> {
  return (await text(process.stdin)).replace(/\r?\n$/u, '');
}
