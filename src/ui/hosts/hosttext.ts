/**
 * Hosts as people have them in text: one a line, in a hostfile, in a list from
 * a queue. Pure; what it does not understand it keeps as the name, so that the
 * form can say what is wrong with it.
 */

/** A host as the form has it; more fields than these may be there. */
export interface IHostLine extends Readonly<Record<string, unknown>> {
  readonly host?: string;
  readonly engines?: number;
}

/** How hostfiles of Open MPI, Intel MPI and others say the number: `slots=4`, `cpu=4`, or the number alone. */
const COUNT = /^(?:(?:slots|cpus?|engines|n)=)?(\d{1,5})$/i;

/** Whether pasted text is more than one name of a host. */
export function isList(text: string): boolean {
  return /[\s,;]/.test(text.trim());
}

/** The hosts in `text`; one that is named again and again has a place for each time. */
export function parseHosts(text: string): IHostLine[] {
  const found = new Map<string, number | null>();
  for (const line of text.split(/[\n\r;]+/)) {
    const words = line
      .replace(/#.*$/, '')
      .split(/[\s,]+/)
      .filter(word => word !== '');
    let last: string | null = null;
    for (const word of words) {
      const count = COUNT.exec(word);
      if (last !== null && count) {
        const more = Math.max(1, Number(count[1]));
        found.set(last, (found.get(last) ?? 1) - 1 + more);
      } else if (!word.includes('=')) {
        last = word;
        const before = found.get(word);
        found.set(word, before === undefined ? null : (before ?? 1) + 1);
      }
    }
  }
  return [...found].map(([host, engines]) =>
    engines === null ? { host } : { host, engines }
  );
}

/** `lines` with what was pasted at `at`: a host that is there already gets the new number. */
export function pasted(
  lines: readonly IHostLine[],
  at: number,
  hosts: readonly IHostLine[]
): IHostLine[] {
  const kept = lines.map((line, index) => {
    const anew = index === at ? undefined : hosts.find(same(line));
    return anew ? { ...line, ...anew } : line;
  });
  const fresh = hosts.filter(
    host => !lines.some((line, index) => index !== at && same(line)(host))
  );
  const here = lines[at];
  const before = kept.slice(0, here?.host ? at + 1 : at);
  return [...before, ...fresh, ...kept.slice(at + 1)];
}

function same(one: IHostLine): (other: IHostLine) => boolean {
  return other => one.host !== undefined && one.host === other.host;
}

/** The line without one of its fields. */
export function without(line: IHostLine, field: string): IHostLine {
  return Object.fromEntries(
    Object.entries(line).filter(([name]) => name !== field)
  );
}
