/** Which engines are shown, and in which order. Pure. */
import type { EngineState, IEngine } from '../../cluster/state';

/** What the table may be sorted by. */
export type Column = 'slot' | 'state' | 'completed' | 'cpu' | 'memory' | 'host';

/** A column and its direction, in the words of `aria-sort`. */
export interface IOrder {
  readonly by: Column;
  readonly direction: 'ascending' | 'descending';
}

/** What needs a look comes first. */
const STATES: readonly EngineState[] = [
  'lost',
  'unregistered',
  'busy',
  'idle',
  'starting',
  'queued',
  'stopping',
  'exited'
];

/** The order after a click on `by`: numbers of use begin with the most. */
export function clicked(order: IOrder, by: Column): IOrder {
  if (order.by === by) {
    const direction =
      order.direction === 'ascending' ? 'descending' : 'ascending';
    return { by, direction };
  }
  const most = by === 'completed' || by === 'cpu' || by === 'memory';
  return { by, direction: most ? 'descending' : 'ascending' };
}

/** Sorted anew; equal ones stay by slot, unknown values are last either way. */
export function sorted(
  engines: readonly IEngine[],
  { by, direction }: IOrder
): readonly IEngine[] {
  if (by === 'slot') {
    return direction === 'ascending' ? engines : [...engines].reverse();
  }
  const sign = direction === 'ascending' ? 1 : -1;
  return [...engines].sort((a, b) => {
    const [one, other] = [valueOf(a, by), valueOf(b, by)];
    if (one === null || other === null) {
      return Number(one === null) - Number(other === null) || a.slot - b.slot;
    }
    return one === other ? a.slot - b.slot : one < other ? -sign : sign;
  });
}

/**
 * Those that `text` fits: a number is a slot, other text is looked for in
 * `say` (the words of the row). Every word must be found.
 */
export function filtered(
  engines: readonly IEngine[],
  text: string,
  say: (engine: IEngine) => string
): readonly IEngine[] {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  if (words.length === 0) {
    return engines;
  }
  return engines.filter(engine => {
    const said = say(engine).toLowerCase();
    return words.every(word =>
      /^\d+$/.test(word) ? String(engine.slot) === word : said.includes(word)
    );
  });
}

function valueOf(engine: IEngine, by: Column): number | string | null {
  return by === 'state' ? STATES.indexOf(engine.state) : engine[by];
}
