/**
 * One cluster: state, count of engines, start or stop, failure.
 * Shows only what the server told; acts only through callbacks.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useState } from 'react';

import type { ClusterState, ICluster } from '../../cluster/state';
import { counts } from './counts';

export interface IActions {
  start(key: string, engines: number): void;
  stop(key: string): void;
  scale(key: string, engines: number): void;
  openLog(key: string): void;
}

export interface IRowProps {
  cluster: ICluster;
  asked: string | undefined;
  cores: number;
  stale: boolean;
  actions: IActions;
  trans: TranslationBundle;
}

const SHAPES: Readonly<Record<ClusterState, string>> = {
  stopped: '○',
  starting: '◔',
  running: '●',
  stopping: '◑',
  failed: '▲'
};

function word(state: ClusterState, trans: TranslationBundle): string {
  const words: Record<ClusterState, string> = {
    stopped: trans.__('stopped'),
    starting: trans.__('starting'),
    running: trans.__('running'),
    stopping: trans.__('stopping'),
    failed: trans.__('failed')
  };
  return words[state];
}

export function Row(props: IRowProps): JSX.Element {
  const { cluster, asked, cores, stale, actions, trans } = props;
  const [chosen, choose] = useState<number | null>(null);
  const down = cluster.state === 'stopped' || cluster.state === 'failed';
  const count = (down ? chosen : null) ?? (cluster.wanted || cores);
  const name = cluster.cluster_id || cluster.profile;
  const pick = (engines: number) => {
    if (down) {
      choose(engines);
    } else {
      actions.scale(cluster.key, engines);
    }
  };
  return (
    <li className="jlc-Row" aria-label={name}>
      <div className="jlc-Row-line">
        <span aria-hidden="true">{SHAPES[cluster.state]}</span>
        <span className="jlc-Row-name">{name}</span>
        <span>{word(cluster.state, trans)}</span>
        {asked && <span>{trans.__('asked to %1', asked)}</span>}
      </div>
      {cluster.failure && (
        <div className="jlc-Row-failure">
          <div>{cluster.failure.cause}</div>
          {cluster.failure.hint && <div>{cluster.failure.hint}</div>}
          <button
            className="jp-mod-styled"
            onClick={() => actions.openLog(cluster.key)}
          >
            {trans.__('Open log')}
          </button>
        </div>
      )}
      {!down && (
        <div>
          {trans.__(
            '%1 of %2 registered',
            cluster.engines.registered,
            cluster.wanted
          )}
        </div>
      )}
      <div className="jlc-Row-line">
        <select
          aria-label={trans.__('Engines of %1', name)}
          value={count}
          disabled={
            stale ||
            cluster.state === 'stopping' ||
            (!down && cluster.capabilities.scale === 'none')
          }
          onChange={event => pick(Number(event.target.value))}
        >
          {counts(cores, count).map(n => (
            <option key={n} value={n}>
              {n}
            </option>
          ))}
        </select>
        {down ? (
          cluster.origin === 'ours' && (
            <button
              className="jp-mod-styled jp-mod-accept"
              disabled={stale}
              onClick={() => actions.start(cluster.key, count)}
            >
              {cluster.state === 'failed'
                ? trans.__('Try again')
                : trans.__('Start')}
            </button>
          )
        ) : (
          <button
            className="jp-mod-styled"
            disabled={stale}
            onClick={() => actions.stop(cluster.key)}
          >
            {trans.__('Stop')}
          </button>
        )}
      </div>
    </li>
  );
}
