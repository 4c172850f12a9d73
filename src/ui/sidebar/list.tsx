/**
 * All clusters in the server's order. Data stays, greyed, while the server is away.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import React from 'react';

import type { ISignal } from '@lumino/signaling';

import type { ICluster } from '../../cluster/state';
import { useChanged } from '../common/usechanged';
import type { IActions } from './row';
import { Row } from './row';

/** What the list reads of the model of clusters. */
export interface ISource {
  readonly all: readonly ICluster[];
  readonly link: 'connecting' | 'live' | 'reconnecting';
  readonly asked: ReadonlyMap<string, string>;
  readonly changed: ISignal<ISource, unknown>;
  readonly linkChanged: ISignal<ISource, unknown>;
}

export interface IListProps {
  clusters: ISource;
  cores: number;
  actions: IActions;
  trans: TranslationBundle;
}

export function List(props: IListProps): JSX.Element {
  const { clusters, cores, actions, trans } = props;
  useChanged(clusters.changed);
  useChanged(clusters.linkChanged);
  return (
    <div>
      <div role="status">
        {clusters.link === 'reconnecting' && trans.__('reconnecting…')}
      </div>
      <ul className="jlc-List" aria-label={trans.__('Clusters')}>
        {clusters.all.map(cluster => (
          <Row
            key={cluster.key}
            cluster={cluster}
            asked={clusters.asked.get(cluster.key)}
            cores={cores}
            stale={clusters.link !== 'live'}
            actions={actions}
            trans={trans}
          />
        ))}
      </ul>
    </div>
  );
}
