/** Which engines are shown, in which order. Pure. */
import type { IEngine } from '../../cluster/state';

/** What a table can be sorted by. */
export type Column = 'slot' | 'state' | 'completed' | 'cpu' | 'memory' | 'host';

/** A column and a direction. */
export interface IOrder {
  readonly column: Column;
  readonly down: boolean;
}

/** Engines that match the text, in order; equal ones stay by slot. */
export function shown(
  engines: readonly IEngine[],
  order: IOrder,
  filter: string
): readonly IEngine[] {
  const text = filter.trim().toLowerCase();
  const matching = text
    ? engines.filter(engine =>
        [engine.slot, engine.id, engine.state, engine.host, engine.pid]
          .join(' ')
          .toLowerCase()
          .includes(text)
      )
    : engines;
  if (order.column === 'slot' && !order.down) {
    return matching;
  }
  const sign = order.down ? -1 : 1;
  return [...matching].sort(
    (a, b) =>
      sign * compare(a[order.column], b[order.column]) || a.slot - b.slot
  );
}

function compare(a: string | number | null, b: string | number | null): number {
  if (a === null || b === null) {
    return a === b ? 0 : a === null ? -1 : 1;
  }
  return a < b ? -1 : a > b ? 1 : 0;
}
