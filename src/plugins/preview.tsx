/** The command *Preview…*: what a start of a cluster would do. Starts nothing. */
import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { Clipboard, Dialog, ICommandPalette } from '@jupyterlab/apputils';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';
import React from 'react';

import type { ICluster } from '../cluster/state';
import { isAtRest, nameOf } from '../cluster/summary';
import { CommandIDs, IClusters } from '../tokens';
import { ENGINES, KEY, chosen } from './chosen';
import { refused } from './refused';

/** Adds the command. */
export const preview: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-clusters:preview',
  description: 'Shows what a start of a cluster would do.',
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
    app.commands.addCommand(CommandIDs.preview, {
      label: trans.__('Preview Start…'),
      caption: trans.__('What a start would run and write, without doing it'),
      isEnabled: args => {
        const cluster = chosen(clusters, args);
        return cluster !== undefined && isAtRest(cluster);
      },
      execute: async args => {
        const cluster = chosen(clusters, args);
        const { engines } = args;
        try {
          if (cluster) {
            await show(
              clusters,
              cluster,
              typeof engines === 'number' ? engines : cluster.wanted,
              trans
            );
          }
        } catch (error) {
          refused(error);
        }
      },
      describedBy: {
        args: { type: 'object', properties: { ...KEY, ...ENGINES } }
      }
    });
    const category = trans.__('Clusters');
    palette?.addItem({ command: CommandIDs.preview, category });
  }
};

async function show(
  clusters: IClusters,
  cluster: ICluster,
  engines: number,
  trans: TranslationBundle
): Promise<void> {
  const [{ Preview }, told] = await Promise.all([
    import('../ui/preview/preview'),
    clusters.preview(cluster.key, engines)
  ]);
  const dialog = new Dialog({
    title: trans._n(
      'Start of %2 with %1 engine',
      'Start of %2 with %1 engines',
      engines,
      nameOf(cluster)
    ),
    body: (
      <Preview
        preview={told}
        copy={text => Clipboard.copyToSystem(text)}
        trans={trans}
      />
    ),
    buttons: [Dialog.okButton({ label: trans.__('Close') })]
  });
  dialog.addClass('jlc-PreviewDialog');
  await dialog.launch();
}
