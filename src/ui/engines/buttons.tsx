/** The buttons of one engine: a button that cannot be used says why. */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { LabIcon } from '@jupyterlab/ui-components';
import {
  closeIcon,
  refreshIcon,
  stopIcon,
  textEditorIcon
} from '@jupyterlab/ui-components';
import React from 'react';

import type { ICluster, IEngine } from '../../cluster/state';
import { VERBS, type Verb, whyNot } from './reasons';

/** What the buttons do, by slot. */
export type EngineActions = Readonly<Record<Verb, (slot: number) => void>>;

/** Properties of the buttons. */
export interface IButtonsProps {
  engine: IEngine;
  cluster: ICluster;
  trans: TranslationBundle;
  stale: boolean;
  actions: EngineActions;
  /** -1: by pointer only, as in a row that has not the focus. */
  tabIndex: 0 | -1;
}

const ICONS: Readonly<Record<Verb, LabIcon>> = {
  openLog: textEditorIcon,
  interrupt: stopIcon,
  restart: refreshIcon,
  stop: closeIcon
};

function labelOf(verb: Verb, slot: number, trans: TranslationBundle): string {
  const labels: Record<Verb, string> = {
    openLog: trans.__('Open the log of engine %1', slot),
    interrupt: trans.__('Interrupt engine %1', slot),
    restart: trans.__('Restart engine %1', slot),
    stop: trans.__('Stop engine %1', slot)
  };
  return labels[verb];
}

/** Log, interrupt, restart, stop. */
export function EngineButtons(props: IButtonsProps): JSX.Element {
  const { engine, cluster, trans, stale, actions } = props;
  return (
    <>
      {VERBS.map(verb => {
        const Icon = ICONS[verb];
        const why = whyNot(verb, engine, cluster, stale, trans);
        const label = labelOf(verb, engine.slot, trans);
        return (
          <button
            key={verb}
            type="button"
            className="jlc-EngineButton"
            aria-label={label}
            aria-disabled={why !== null}
            title={why === null ? label : `${label}: ${why}`}
            tabIndex={props.tabIndex}
            onClick={event => {
              event.stopPropagation();
              if (why === null) {
                actions[verb](engine.slot);
              }
            }}
          >
            <Icon.react tag="span" width="14px" height="14px" />
          </button>
        );
      })}
    </>
  );
}
