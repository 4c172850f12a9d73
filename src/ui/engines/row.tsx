/** One engine in the table. Rendered anew only when something of it changed. */
import type { TranslationBundle } from '@jupyterlab/translation';
import React, { memo } from 'react';

import type { ICluster, IEngine } from '../../cluster/state';
import { bytes, percent } from '../common/units';
import type { EngineActions } from './buttons';
import { EngineButtons } from './buttons';
import { hasEnded, SHAPES, stateMeaning, stateWord } from './words';

/** Height of a row in pixels; all rows have it. */
export const ROW_HEIGHT = 24;

/** Properties of a row; all are compared by identity. */
export interface IEngineRowProps {
  engine: IEngine;
  cluster: ICluster;
  trans: TranslationBundle;
  stale: boolean;
  actions: EngineActions;
  /** Place in the shown order, from 0. */
  index: number;
  /** Pixels from the top of the first row. */
  top: number;
  /** Whether the row takes the focus when one tabs into the table. */
  current: boolean;
  /** Whether its details are shown. */
  chosen: boolean;
  hosts: boolean;
  choose: (slot: number) => void;
}

/** A row of cells; the buttons are seen while it is pointed at, chosen or has the focus. */
export const EngineRow = memo(function EngineRow(props: IEngineRowProps) {
  const { engine, trans, index, current, chosen } = props;
  const { slot } = engine;
  return (
    <div
      role="row"
      className={`jlc-EngineRow jlc-mod-${engine.state}`}
      data-slot={slot}
      aria-rowindex={index + 2}
      aria-selected={chosen}
      tabIndex={current ? 0 : -1}
      title={stateMeaning(engine, trans) || undefined}
      style={{ height: ROW_HEIGHT, transform: `translateY(${props.top}px)` }}
      onClick={() => props.choose(slot)}
      onDoubleClick={() => props.actions.openLog(slot)}
    >
      <Cells engine={engine} trans={trans} hosts={props.hosts} />
      <div role="gridcell" className="jlc-EngineRow-actions">
        <EngineButtons {...props} tabIndex={chosen ? 0 : -1} />
      </div>
    </div>
  );
});

function Cells(props: {
  engine: IEngine;
  trans: TranslationBundle;
  hosts: boolean;
}): JSX.Element {
  const { engine, trans, hosts } = props;
  const { cpu, memory } = hasEnded(engine)
    ? { cpu: null, memory: null }
    : engine;
  const hub =
    engine.id === null
      ? trans.__('Slot %1, not registered', engine.slot)
      : trans.__('Slot %1, engine id %2', engine.slot, engine.id);
  return (
    <>
      <span role="gridcell" className="jlc-EngineRow-slot" title={hub}>
        {engine.slot}
      </span>
      <span role="gridcell" className="jlc-EngineRow-state">
        <span className="jlc-EngineRow-shape" aria-hidden="true">
          {SHAPES[engine.state]}
        </span>{' '}
        {stateWord(engine.state, trans)}
      </span>
      <span role="gridcell" className="jlc-EngineRow-number">
        {engine.completed}
      </span>
      <span role="gridcell" className="jlc-EngineRow-number">
        {cpu === null ? '–' : percent(cpu)}
      </span>
      <span role="gridcell" className="jlc-EngineRow-number">
        {memory === null ? '–' : bytes(memory)}
      </span>
      {hosts && (
        <span role="gridcell" className="jlc-EngineRow-host">
          {engine.host ?? '–'}
        </span>
      )}
    </>
  );
}
