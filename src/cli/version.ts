/** The version of hutch, from its package.json; pure, CLI process. */

import packageJson from '../../package.json' with { type: 'json' };

export const VERSION: string = packageJson.version;
export const DESCRIPTION: string = packageJson.description;
