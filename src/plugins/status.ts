/** The clusters in the status bar: how many, and how many of their engines are there. */
import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { IStatusBar } from '@jupyterlab/statusbar';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { Signal } from '@lumino/signaling';
import { Widget } from '@lumino/widgets';

import { totals } from '../cluster/summary';
import { CommandIDs, IClusters } from '../tokens';

/** Adds the item; it is hidden while no cluster runs. */
export const status: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-clusters:status',
  description: 'Shows running clusters and engines in the status bar.',
  autoStart: true,
  requires: [IClusters],
  optional: [IStatusBar, ITranslator],
  activate: (
    app: JupyterFrontEnd,
    clusters: IClusters,
    statusBar: IStatusBar | null,
    translator: ITranslator | null
  ): void => {
    if (!statusBar) {
      return;
    }
    const trans = (translator ?? nullTranslator).load('jupyterlab_clusters');
    const button = document.createElement('button');
    button.className = 'jlc-Status';
    button.onclick = () => void app.commands.execute(CommandIDs.show);
    const item = new Widget();
    item.node.appendChild(button);
    const show = (): void => {
      const { clusters: count, registered, wanted } = totals(clusters.all);
      const some = trans._n('%1 cluster', '%1 clusters', count);
      button.textContent = trans.__(
        '%1, %2/%3 engines',
        some,
        registered,
        wanted
      );
      button.title = trans.__('Show the Clusters sidebar');
    };
    const changed = new Signal<IClusters, void>(clusters);
    clusters.changed.connect(() => {
      show();
      changed.emit();
    });
    show();
    statusBar.registerStatusItem('jupyterlab-clusters:status', {
      item,
      align: 'left',
      rank: 50,
      isActive: () => totals(clusters.all).clusters > 0,
      activeStateChanged: changed
    });
  }
};
