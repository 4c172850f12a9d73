/** One engine in the table; drawn anew only when it changes. */
import type { TranslationBundle } from '@jupyterlab/translation';
import {
  closeIcon,
  fileIcon,
  refreshIcon,
  stopIcon
} from '@jupyterlab/ui-components';
import React from 'react';

import type { ICluster, IEngine } from '../../cluster/state';
import { bytes, percent } from '../common/units';
import { SHAPES, stateWord, whyNot } from './words';

/** What can be asked for from the table. */
export interface IEngineActions {
  openLog(slot: number): void;
  interrupt(slot: number): void;
  restart(slot: number): void;
  stop(slot: number): void;
}

/** Properties of {@link EngineRow}. */
export interface IEngineRowProps {
  engine: IEngine;
  cluster: ICluster;
  index: number;
  top: number;
  tabbable: boolean;
  selected: boolean;
  withHost: boolean;
  stale: boolean;
  actions: IEngineActions;
  trans: TranslationBundle;
  onSelect(slot: number): void;
}

function Button(props: {
  label: string;
  why: string;
  icon: typeof stopIcon;
  onClick(): void;
}): JSX.Element {
  const { label, why, icon, onClick } = props;
  return (
    <button
      className="jlc-EngineRow-button"
      aria-label={label}
      title={why ? `${label}: ${why}` : label}
      aria-disabled={why ? true : undefined}
      tabIndex={-1}
      onClick={event => {
        event.stopPropagation();
        if (!why) {
          onClick();
        }
      }}
    >
      <icon.react tag="span" />
    </button>
  );
}

function Actions(props: IEngineRowProps): JSX.Element {
  const { engine, cluster, stale, actions, trans } = props;
  const { slot } = engine;
  const why = (verb: 'interrupt' | 'restart' | 'stop'): string =>
    stale
      ? trans.__('the server is out of reach')
      : whyNot(verb, engine, cluster, trans);
  return (
    <span className="jlc-EngineRow-actions">
      <Button
        label={trans.__('Log of engine %1', slot)}
        why=""
        icon={fileIcon}
        onClick={() => actions.openLog(slot)}
      />
      <Button
        label={trans.__('Interrupt engine %1', slot)}
        why={why('interrupt')}
        icon={stopIcon}
        onClick={() => actions.interrupt(slot)}
      />
      <Button
        label={trans.__('Restart engine %1', slot)}
        why={why('restart')}
        icon={refreshIcon}
        onClick={() => actions.restart(slot)}
      />
      <Button
        label={trans.__('Stop engine %1', slot)}
        why={why('stop')}
        icon={closeIcon}
        onClick={() => actions.stop(slot)}
      />
    </span>
  );
}

/** A row of the grid. */
export const EngineRow = React.memo(function EngineRow(
  props: IEngineRowProps
): JSX.Element {
  const { engine, index, top, tabbable, selected, withHost, trans } = props;
  const { slot, state, cause } = engine;
  const word = stateWord(state, trans);
  const title = [
    engine.id === null ? '' : trans.__('id %1', engine.id),
    engine.pid === null ? '' : trans.__('process %1', engine.pid),
    engine.host ?? ''
  ].filter(Boolean);
  return (
    <div
      className={`jlc-EngineRow jlc-mod-${state}${selected ? ' jlc-mod-selected' : ''}`}
      role="row"
      aria-rowindex={index + 2}
      aria-selected={selected}
      data-slot={slot}
      tabIndex={tabbable ? 0 : -1}
      style={{ transform: `translateY(${top}px)` }}
      onClick={() => props.onSelect(slot)}
      onFocus={() => props.onSelect(slot)}
      onDoubleClick={() => props.actions.openLog(slot)}
    >
      <span
        role="gridcell"
        className="jlc-EngineRow-slot"
        title={title.join(', ')}
      >
        {slot}
      </span>
      <span
        role="gridcell"
        className="jlc-EngineRow-state"
        title={cause?.sentence ?? word}
      >
        <span aria-hidden="true" className="jlc-EngineRow-shape">
          {SHAPES[state]}
        </span>
        {word}
      </span>
      <span role="gridcell" className="jlc-EngineRow-number">
        {engine.completed}
      </span>
      <span role="gridcell" className="jlc-EngineRow-number">
        {engine.cpu === null ? '' : percent(engine.cpu)}
      </span>
      <span role="gridcell" className="jlc-EngineRow-number">
        {engine.memory === null ? '' : bytes(engine.memory)}
      </span>
      {withHost && (
        <span role="gridcell" className="jlc-EngineRow-host">
          {engine.host}
        </span>
      )}
      <span role="gridcell" className="jlc-EngineRow-last">
        <Actions {...props} />
      </span>
    </div>
  );
});
