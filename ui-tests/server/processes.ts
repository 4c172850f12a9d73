/**
 * The real processes of this machine, read from /proc: the browser's word is
 * not taken for it that something runs or has ended.
 */
import { readFileSync, readdirSync } from 'fs';

function read(pid: number, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf-8');
  } catch {
    return '';
  }
}

/** Whether `pid` runs; a zombie does not. */
export function alive(pid: number): boolean {
  const state = read(pid, 'stat').split(') ').pop() ?? '';
  return state !== '' && !state.startsWith('Z');
}

/** The command line of `pid`. */
export function command(pid: number): string {
  return read(pid, 'cmdline').split('\0').join(' ').trim();
}

/** Ends every process of the test's `home` whose command line has `words`, as a crash would. */
export function crash(home: string, words: string): void {
  of(home)
    .filter(pid => command(pid).includes(words))
    .forEach(pid => process.kill(pid, 'SIGKILL'));
}

/** Every live process whose environment says it belongs to the test's `home`. */
export function of(home: string): number[] {
  const mark = `JLC_TEST_HOME=${home}`;
  return readdirSync('/proc')
    .filter(name => /^\d+$/.test(name))
    .map(Number)
    .filter(pid => read(pid, 'environ').split('\0').includes(mark))
    .filter(alive);
}

/** Waits until `true()`; rejects with `what` after `seconds`. */
export async function until(
  true_: () => boolean | Promise<boolean>,
  what: string,
  seconds: number
): Promise<void> {
  const end = Date.now() + seconds * 1000;
  while (!(await true_())) {
    if (Date.now() > end) {
      throw new Error(`Not after ${seconds} s: ${what}`);
    }
    await new Promise(resolve => setTimeout(resolve, 50));
  }
}
