/**
 * The command *Connect from Elsewhere…*. The key of a cluster is fetched when
 * the person asks for it in the dialog, and never kept.
 */
import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { Clipboard, Dialog, ICommandPalette } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import React from 'react';

import type { ICluster } from '../cluster/state';
import { nameOf } from '../cluster/summary';
import { CommandIDs, IClusters } from '../tokens';
import { KEY, chosen } from './chosen';
import { refused } from './refused';

/** Adds the command. */
export const connect: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-clusters:connect',
  description: 'Shows how other computers connect to a running cluster.',
  autoStart: true,
  requires: [IClusters],
  optional: [ITranslator, ICommandPalette],
  activate: (
    app: JupyterFrontEnd,
    clusters: IClusters,
    translator: ITranslator | null,
    palette: ICommandPalette | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('jupyterlab_clusters');
    app.commands.addCommand(CommandIDs.connect, {
      label: trans.__('Connect from Elsewhere…'),
      caption: trans.__('How another computer connects to this cluster'),
      isEnabled: args => {
        const cluster = chosen(clusters, args);
        return cluster?.origin === 'ours' && cluster.state === 'running';
      },
      execute: async args => {
        const cluster = chosen(clusters, args);
        try {
          if (cluster) {
            await show(clusters, cluster, trans);
          }
        } catch (error) {
          refused(error);
        }
      },
      describedBy: { args: { type: 'object', properties: KEY } }
    });
    const category = trans.__('Clusters');
    palette?.addItem({ command: CommandIDs.connect, category });
  }
};

async function show(
  clusters: IClusters,
  cluster: ICluster,
  trans: TranslationBundle
): Promise<void> {
  const [{ Connect }, place] = await Promise.all([
    import('../ui/connect/connect'),
    clusters.connection(cluster.key, false)
  ]);
  const dialog = new Dialog({
    title: trans.__('Connect to %1 from Elsewhere', nameOf(cluster)),
    body: (
      <Connect
        cluster={cluster}
        place={place}
        trans={trans}
        content={async () =>
          (await clusters.connection(cluster.key, true)).content ?? ''
        }
        copy={text => Clipboard.copyToSystem(text)}
        save={save}
      />
    ),
    buttons: [Dialog.okButton({ label: trans.__('Close') })]
  });
  dialog.addClass('jlc-PreviewDialog');
  await dialog.launch();
}

/** Hands text to the browser as a file to keep. */
function save(name: string, text: string): void {
  const url = URL.createObjectURL(
    new Blob([text], { type: 'application/json' })
  );
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // Not before the browser has begun to read it.
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
