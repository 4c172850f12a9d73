/** All that is known of the chosen engine, and how it ended where it did. */
import React from 'react';

import type { IButtonsProps } from './buttons';
import { EngineButtons } from './buttons';
import { SHAPES, stateMeaning, stateWord } from './words';

/** A few lines below the table. */
export function Details(props: Omit<IButtonsProps, 'tabIndex'>): JSX.Element {
  const { engine, trans } = props;
  const meaning = stateMeaning(engine, trans);
  return (
    <section
      className={`jlc-EngineDetails jlc-mod-${engine.state}`}
      aria-label={trans.__('Engine %1', engine.slot)}
    >
      <div className="jlc-EngineDetails-line">
        <span className="jlc-EngineDetails-name">
          {trans.__('Engine %1', engine.slot)}
          {' · '}
          <span aria-hidden="true">{SHAPES[engine.state]}</span>{' '}
          {stateWord(engine.state, trans)}
        </span>
        <EngineButtons {...props} tabIndex={0} />
      </div>
      {meaning && <p className="jlc-EngineDetails-cause">{meaning}</p>}
      <p className="jlc-EngineDetails-place">{placeOf(props)}</p>
    </section>
  );
}

function placeOf(
  props: Pick<IButtonsProps, 'cluster' | 'engine' | 'trans'>
): string {
  const { cluster, engine, trans } = props;
  const { id, pid, host, started_at } = engine;
  const since = started_at === null ? NaN : Date.parse(started_at);
  return [
    cluster.launcher === 'mpi' ? trans.__('rank %1', engine.slot) : null,
    id === null ? null : trans.__('id %1', id),
    pid === null ? null : trans.__('process %1', pid),
    host === null ? null : trans.__('on %1', host),
    Number.isNaN(since)
      ? null
      : trans.__('since %1', new Date(since).toLocaleTimeString())
  ]
    .filter(Boolean)
    .join(' · ');
}
