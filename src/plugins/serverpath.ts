/** Where a file of the server's machine is for the window's file browser. Pure. */

/** Where home folders usually are: a root that is told as `~` is in one of them. */
const HOME = /^(\/root|\/home\/[^/]+|\/Users\/[^/]+)(?=\/|$)/;

/** The path below the server's root; null where the file is not below it. */
export function belowRoot(root: string, file: string): string | null {
  const home = HOME.exec(file)?.[1] ?? null;
  if (root.startsWith('~') && home === null) {
    return null;
  }
  const whole = root.replace(/^~/, home ?? '~').replace(/\/+$/, '');
  return root !== '' && file.startsWith(`${whole}/`)
    ? file.slice(whole.length + 1)
    : null;
}
