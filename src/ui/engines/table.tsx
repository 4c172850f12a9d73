/**
 * The engines of one cluster: as many DOM rows as can be seen, however many
 * engines there are. One tab stop; arrows move, Enter opens the log.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useEffect, useMemo, useRef, useState } from 'react';

import type { ICluster, IEngine } from '../../cluster/state';
import type { IEngines } from '../../tokens';
import { bytes, percent } from '../common/units';
import { useChanged } from '../common/usechanged';
import type { EngineActions } from './buttons';
import { Details } from './details';
import { Grid } from './grid';
import type { IOrder } from './order';
import { clicked, filtered, sorted } from './order';
import { hasEnded, stateMeaning, stateWord } from './words';

/** With more engines than this there is a box to filter them. */
const MANY = 12;

/** Properties of the table. */
export interface IEngineTableProps {
  engines: IEngines;
  cluster: ICluster;
  trans: TranslationBundle;
  /** Whether what is shown may be old: nothing can be asked for then. */
  stale: boolean;
  actions: EngineActions;
}

/** The table with its totals, its filter and the details of the chosen engine. */
export function EngineTable(props: IEngineTableProps): JSX.Element {
  const { engines, cluster, trans, stale } = props;
  useChanged(engines.changed);
  const [order, setOrder] = useState<IOrder>({
    by: 'slot',
    direction: 'ascending'
  });
  const [text, setText] = useState('');
  const [slot, choose] = useState<number | null>(null);
  const actions = useSteady(props.actions);
  const { all } = engines;
  const shown = useMemo(
    () =>
      sorted(
        filtered(all, text, engine => wordsOf(engine, trans)),
        order
      ),
    [all, text, order, trans]
  );
  if (all.length === 0) {
    return (
      <p className="jlc-Engines-empty">
        {engines.ready ? trans.__('No engines yet') : trans.__('Loading…')}
      </p>
    );
  }
  const chosen = all.find(engine => engine.slot === slot);
  const common = { cluster, trans, stale, actions };
  return (
    <div className={`jlc-Engines${stale ? ' jlc-mod-stale' : ''}`}>
      <div className="jlc-Engines-totals">{totals(all, trans)}</div>
      {(all.length > MANY || text !== '') && (
        <input
          type="search"
          className="jlc-Engines-filter jp-mod-styled"
          aria-label={trans.__('Filter engines')}
          placeholder={trans.__('Filter: number, state or host')}
          value={text}
          onChange={event => setText(event.target.value)}
        />
      )}
      <Grid
        {...common}
        engines={shown}
        hosts={new Set(all.map(engine => engine.host)).size > 1}
        order={order}
        sort={by => setOrder(clicked(order, by))}
        chosen={chosen?.slot ?? null}
        choose={choose}
      />
      {shown.length === 0 && (
        <p className="jlc-Engines-empty" role="status">
          {trans.__('No engine fits "%1"', text)}
        </p>
      )}
      {chosen && <Details {...common} engine={chosen} />}
    </div>
  );
}

/** The same object for ever, calling the newest: rows need not know that a parent rendered. */
function useSteady(actions: EngineActions): EngineActions {
  const newest = useRef(actions);
  useEffect(() => {
    newest.current = actions;
  });
  return useMemo(
    () => ({
      openLog: slot => newest.current.openLog(slot),
      interrupt: slot => newest.current.interrupt(slot),
      restart: slot => newest.current.restart(slot),
      stop: slot => newest.current.stop(slot)
    }),
    []
  );
}

function wordsOf(engine: IEngine, trans: TranslationBundle): string {
  const state = stateWord(engine.state, trans);
  return `${state} ${engine.host ?? ''} ${stateMeaning(engine, trans)}`;
}

function totals(all: readonly IEngine[], trans: TranslationBundle): string {
  const live = all.filter(engine => !hasEnded(engine));
  const sum = (of: (engine: IEngine) => number | null) =>
    live.reduce((total, engine) => total + (of(engine) ?? 0), 0);
  const words = [
    trans._n('%1 engine', '%1 engines', live.length),
    trans.__('CPU %1', percent(sum(engine => engine.cpu))),
    bytes(sum(engine => engine.memory))
  ];
  const lost = all.filter(engine => engine.state === 'lost').length;
  if (lost > 0) {
    words.push(trans.__('%1 lost', lost));
  }
  return words.join(' · ');
}
