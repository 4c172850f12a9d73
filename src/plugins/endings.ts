/** A warning when the job of a cluster that runs comes near its time limit. */
import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { Notification } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { nameOf } from '../cluster/summary';
import { IClusters } from '../tokens';
import { alarms, duration } from '../ui/sidebar/jobtime';

/** Warns once for each of the times at which a person should know. */
export const endings: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-clusters:endings',
  description: 'Warns when a batch job comes near its time limit.',
  autoStart: true,
  requires: [IClusters],
  optional: [ITranslator],
  activate: (
    app: JupyterFrontEnd,
    clusters: IClusters,
    translator: ITranslator | null
  ): void =>
    followEnds(
      clusters,
      (translator ?? nullTranslator).load('jupyterlab_clusters')
    )
};

/** Until the end of the page. */
export function followEnds(
  clusters: IClusters,
  trans: TranslationBundle
): void {
  // By key and job: how many of its alarms have been given.
  const given = new Map<string, number>();
  const look = (): void => {
    for (const cluster of clusters.all) {
      const { job } = cluster;
      if (!job || job.time_left === null || cluster.state !== 'running') {
        continue;
      }
      const left = job.time_left;
      const due = alarms(job).filter(at => left <= at).length;
      const id = `${cluster.key} ${job.id}`;
      if (due > (given.get(id) ?? 0)) {
        Notification.warning(
          trans.__(
            '%1 ends in %2, when its job reaches its time limit',
            nameOf(cluster),
            duration(left, trans)
          ),
          { autoClose: false }
        );
        given.set(id, due);
      }
    }
  };
  clusters.changed.connect(look);
  look();
}
