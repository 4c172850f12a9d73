/**
 * The engines of one cluster: a grid that draws only what can be seen, so that
 * 10,000 engines are as smooth as four.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import { useVirtualizer } from '@tanstack/react-virtual';
import React from 'react';

import type { ICluster, IEngine } from '../../cluster/state';
import type { IEngines } from '../../tokens';
import { useChanged } from '../common/usechanged';
import type { Column, IOrder } from './order';
import { shown } from './order';
import type { IEngineActions } from './row';
import { EngineRow } from './row';

/** Height of a row, as in the style sheet (pixels). */
const ROW = 24;
/** More engines than this get a field to filter them. */
const MANY = 12;

/** Properties of {@link EngineTable}. */
export interface IEngineTableProps {
  engines: IEngines;
  cluster: ICluster;
  stale: boolean;
  actions: IEngineActions;
  trans: TranslationBundle;
}

/** The table, its filter and what is known of the selected engine. */
export function EngineTable(props: IEngineTableProps): JSX.Element {
  const { engines, cluster, stale, actions, trans } = props;
  useChanged(engines.changed);
  const [order, setOrder] = React.useState<IOrder>({
    column: 'slot',
    down: false
  });
  const [filter, setFilter] = React.useState('');
  const [selected, select] = React.useState<number | null>(null);
  const rows = shown(engines.all, order, filter);
  const withHost = new Set(engines.all.map(one => one.host)).size > 1;
  const body = React.useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => body.current,
    estimateSize: () => ROW,
    overscan: 8
  });
  if (engines.ready && engines.all.length === 0) {
    return <p className="jlc-Selected-none">{trans.__('No engines yet.')}</p>;
  }
  const focus = rows.some(one => one.slot === selected)
    ? selected
    : rows[0]?.slot;
  const detail = engines.all.find(one => one.slot === selected);
  return (
    <div
      className={`jlc-Engines${stale ? ' jlc-mod-stale' : ''}${withHost ? ' jlc-mod-hosts' : ''}`}
    >
      {engines.all.length > MANY && (
        <input
          className="jp-mod-styled jlc-Engines-filter"
          type="search"
          placeholder={trans.__('Filter engines')}
          aria-label={trans.__('Filter engines')}
          value={filter}
          onChange={event => setFilter(event.target.value)}
        />
      )}
      <div
        className="jlc-Engines-grid"
        role="grid"
        aria-label={trans.__('Engines')}
        aria-rowcount={rows.length + 1}
        onKeyDown={event =>
          onKey(event, rows, virtual.scrollToIndex, body.current, actions)
        }
      >
        <Head
          order={order}
          withHost={withHost}
          trans={trans}
          onOrder={setOrder}
        />
        <div
          className="jlc-Engines-body"
          role="rowgroup"
          ref={body}
          tabIndex={-1}
        >
          <div
            className="jlc-Engines-sheet"
            role="presentation"
            style={{ height: virtual.getTotalSize() }}
          >
            {virtual.getVirtualItems().map(({ index, start }) => (
              <EngineRow
                key={rows[index].slot}
                engine={rows[index]}
                cluster={cluster}
                index={index}
                top={start}
                tabbable={rows[index].slot === focus}
                selected={rows[index].slot === selected}
                withHost={withHost}
                stale={stale}
                actions={actions}
                trans={trans}
                onSelect={select}
              />
            ))}
          </div>
        </div>
      </div>
      {detail?.cause && (
        <div className="jlc-Engines-cause" role="status">
          {trans.__('Engine %1: %2', detail.slot, detail.cause.sentence)}
        </div>
      )}
    </div>
  );
}

function Head(props: {
  order: IOrder;
  withHost: boolean;
  trans: TranslationBundle;
  onOrder(order: IOrder): void;
}): JSX.Element {
  const { order, withHost, trans, onOrder } = props;
  const columns: [Column, string, string][] = [
    ['slot', '#', trans.__('Slot of the engine')],
    ['state', trans.__('State'), trans.__('What the engine does')],
    ['completed', trans.__('Tasks'), trans.__('Tasks completed')],
    [
      'cpu',
      trans.__('CPU'),
      trans.__('Processor time; 100 % is one whole core')
    ],
    [
      'memory',
      trans.__('Memory'),
      trans.__('Memory of its own and its share of what is shared')
    ]
  ];
  if (withHost) {
    columns.push([
      'host',
      trans.__('Host'),
      trans.__('Machine that the engine runs on')
    ]);
  }
  return (
    <div className="jlc-Engines-head" role="row" aria-rowindex={1}>
      {columns.map(([column, label, title]) => {
        const here = order.column === column;
        return (
          <span
            key={column}
            role="columnheader"
            aria-sort={
              here ? (order.down ? 'descending' : 'ascending') : undefined
            }
          >
            <button
              className="jlc-Engines-sort"
              title={title}
              onClick={() => onOrder({ column, down: here && !order.down })}
            >
              {label}
              {here && (
                <span aria-hidden="true">{order.down ? ' ▾' : ' ▴'}</span>
              )}
            </button>
          </span>
        );
      })}
    </div>
  );
}

function onKey(
  event: React.KeyboardEvent,
  rows: readonly IEngine[],
  scrollTo: (index: number) => void,
  body: HTMLElement | null,
  actions: IEngineActions
): void {
  const row = (event.target as HTMLElement).closest<HTMLElement>(
    '.jlc-EngineRow'
  );
  if (!row || !body) {
    return;
  }
  const slot = Number(row.dataset.slot);
  const at = rows.findIndex(one => one.slot === slot);
  const steps: Record<string, number> = {
    ArrowDown: at + 1,
    ArrowUp: at - 1,
    PageDown: at + 10,
    PageUp: at - 10,
    Home: 0,
    End: rows.length - 1
  };
  if (event.key in steps) {
    const to = Math.max(0, Math.min(rows.length - 1, steps[event.key]));
    scrollTo(to);
    // The row may only now be drawn.
    requestAnimationFrame(() =>
      body.querySelector<HTMLElement>(`[data-slot="${rows[to].slot}"]`)?.focus()
    );
    event.preventDefault();
  } else if (event.key === 'Enter' && event.target === row) {
    actions.openLog(slot);
    event.preventDefault();
  } else if (event.key === 'ArrowRight' || event.key === 'ArrowLeft') {
    step(row, event.key === 'ArrowRight' ? 1 : -1);
    event.preventDefault();
  }
}

/** From the row into its buttons and back. */
function step(row: HTMLElement, by: number): void {
  const stops = [row, ...row.querySelectorAll<HTMLElement>('button')];
  const at = stops.indexOf(document.activeElement as HTMLElement);
  stops[Math.max(0, Math.min(stops.length - 1, at + by))]?.focus();
}
