/**
 * The Clusters sidebar: every button runs a command.
 */
import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import { ReactWidget, SidePanel } from '@jupyterlab/ui-components';
import React from 'react';

import { CommandIDs, IClusters } from '../tokens';
import { List } from '../ui/sidebar/list';

export const sidebar: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-clusters:sidebar',
  description: 'The sidebar that starts, watches and stops clusters.',
  autoStart: true,
  requires: [IClusters],
  optional: [ITranslator],
  activate: (
    app: JupyterFrontEnd,
    clusters: IClusters,
    translator: ITranslator | null
  ) => {
    const trans = (translator ?? nullTranslator).load('jupyterlab_clusters');
    const run = (id: string, args: { key: string; engines?: number }) => {
      app.commands.execute(id, args).catch(console.error);
    };
    const list = ReactWidget.create(
      <List
        clusters={clusters}
        cores={navigator.hardwareConcurrency || 1}
        actions={{
          start: (key, engines) => run(CommandIDs.start, { key, engines }),
          stop: key => run(CommandIDs.stop, { key }),
          scale: (key, engines) => run(CommandIDs.scale, { key, engines }),
          openLog: key => run(CommandIDs.openLog, { key })
        }}
        trans={trans}
      />
    );
    list.title.label = trans.__('Clusters');
    const panel = new SidePanel({ translator: translator ?? nullTranslator });
    panel.id = 'jupyterlab-clusters-sidebar';
    panel.title.label = trans.__('Clusters');
    panel.title.caption = trans.__('Clusters');
    panel.addWidget(list);
    app.shell.add(panel, 'left', { rank: 500, type: 'Clusters' });
  }
};

export default sidebar;
