/** The command as one line to read; not quoted for any shell but POSIX. */
export function commandLine(command: readonly string[]): string {
  return command
    .map(word =>
      /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replace(/'/g, "'\\''")}'`
    )
    .join(' ');
}
