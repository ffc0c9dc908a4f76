/** An esbuild plugin that leaves modules out of a bundle which would hold, but never evaluate them: who does is told which one it is. */

export function leaveOut(modules) {
  return {
    name: 'leave-out',
    setup(build) {
      build.onLoad({ filter: /[.](?:ts|[cm]?js|json)$/ }, ({ path }) => {
        if (!modules.test(path)) return undefined;
        const module = path.slice(Math.max(0, path.lastIndexOf('node_modules')));
        return {
          contents: `throw new Error(${JSON.stringify(`${module} was left out of this program`)});`,
          loader: 'js',
        };
      });
    },
  };
}
