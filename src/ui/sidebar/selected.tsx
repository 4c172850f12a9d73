/** What is shown of the selected cluster, while somebody looks: nothing is held for a hidden panel. */
import type { TranslationBundle } from '@jupyterlab/translation';
import type { IDisposable } from '@lumino/disposable';
import React from 'react';

import type { ICluster } from '../../cluster/state';
import type { IClusters } from '../../tokens';
import { useChanged } from '../common/usechanged';

/** Properties of {@link Selected}. */
export interface ISelectedProps<M extends IDisposable> {
  clusters: IClusters;
  /** Begin to hold the model of one cluster. */
  hold: (key: string) => M;
  /** What to draw of it. */
  draw: (model: M, cluster: ICluster) => JSX.Element;
  trans: TranslationBundle;
}

/** Holds a model of the selected cluster as long as it is mounted. */
export function Selected<M extends IDisposable>(
  props: ISelectedProps<M>
): JSX.Element {
  const { clusters, hold, draw, trans } = props;
  useChanged(clusters.changed);
  useChanged(clusters.selectedChanged);
  const key = clusters.selected;
  const cluster = key === null ? undefined : clusters.get(key);
  const shown = cluster && cluster.state !== 'stopped' ? cluster.key : null;
  const [model, setModel] = React.useState<{ key: string; held: M } | null>(
    null
  );
  React.useEffect(() => {
    if (shown === null) {
      return undefined;
    }
    const held = hold(shown);
    setModel({ key: shown, held });
    return () => {
      setModel(null);
      held.dispose();
    };
  }, [hold, shown]);
  if (!cluster || !model || model.key !== shown) {
    return (
      <p className="jlc-Selected-none">
        {cluster
          ? trans.__('This cluster has no engines now.')
          : trans.__('Select a cluster above.')}
      </p>
    );
  }
  return draw(model.held, cluster);
}
