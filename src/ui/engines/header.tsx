/** The head of the table: a click sorts. */
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { Column, IOrder } from './order';

/** Column heads. */
export function Header(props: {
  order: IOrder;
  sort: (by: Column) => void;
  hosts: boolean;
  /** Whether engines are ranks of an MPI program: slots are ranks then. */
  ranks: boolean;
  trans: TranslationBundle;
}): JSX.Element {
  const { order, trans } = props;
  const columns: [Column, string, string][] = [
    props.ranks
      ? ['slot', trans.__('Rank'), trans.__('Engine, and its rank in MPI')]
      : [
          'slot',
          trans.__('Engine'),
          trans.__('Number of the engine in its set')
        ],
    ['state', trans.__('State'), trans.__('What the engine does')],
    ['completed', trans.__('Tasks'), trans.__('Tasks completed')],
    ['cpu', trans.__('CPU'), trans.__('100 % is one whole core')],
    ['memory', trans.__('Memory'), trans.__('Memory in use')]
  ];
  if (props.hosts) {
    columns.push(['host', trans.__('Host'), trans.__('Where it runs')]);
  }
  return (
    <div role="row" aria-rowindex={1} className="jlc-Engines-header">
      {columns.map(([by, label, title]) => (
        <span
          key={by}
          role="columnheader"
          aria-sort={order.by === by ? order.direction : 'none'}
        >
          <button
            type="button"
            className="jlc-Engines-sort"
            title={title}
            onClick={() => props.sort(by)}
          >
            {label}
            {order.by === by && (
              <span aria-hidden="true">
                {order.direction === 'ascending' ? '▴' : '▾'}
              </span>
            )}
          </button>
        </span>
      ))}
    </div>
  );
}
