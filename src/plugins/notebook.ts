/**
 * Puts the code that connects a client where the person writes, without a
 * pointer: a new cell, a console's prompt, an editor's cursor; or the clipboard.
 * Never runs it, and never puts Python before another language's kernel.
 */
import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { Clipboard, ICommandPalette } from '@jupyterlab/apputils';
import { IConsoleTracker } from '@jupyterlab/console';
import { IEditorTracker } from '@jupyterlab/fileeditor';
import { INotebookTracker } from '@jupyterlab/notebook';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { clientCode } from '../cluster/clientcode';
import { CommandIDs, IClusters } from '../tokens';
import { KEY, chosen } from './chosen';
import { refused } from './refused';

/** Commands that put the client code somewhere. */
export const notebook: JupyterFrontEndPlugin<void> = {
  id: 'jupyterlab-clusters:notebook',
  description: 'Puts the code that connects to a cluster into a notebook.',
  autoStart: true,
  requires: [IClusters],
  optional: [
    INotebookTracker,
    IConsoleTracker,
    IEditorTracker,
    ITranslator,
    ICommandPalette
  ],
  activate: (
    app: JupyterFrontEnd,
    clusters: IClusters,
    notebooks: INotebookTracker | null,
    consoles: IConsoleTracker | null,
    editors: IEditorTracker | null,
    translator: ITranslator | null,
    palette: ICommandPalette | null
  ): void => {
    const trans = (translator ?? nullTranslator).load('jupyterlab_clusters');
    const describedBy = { args: { type: 'object', properties: KEY } };
    app.commands.addCommand(CommandIDs.insertCode, {
      label: trans.__('Insert Client Code'),
      caption: trans.__('Insert the code that connects to the cluster'),
      isEnabled: args => chosen(clusters, args) !== undefined,
      execute: async args => {
        const cluster = chosen(clusters, args);
        if (cluster) {
          const code = clientCode(cluster);
          // What is looked at now goes before what was looked at once.
          const now = app.shell.currentWidget;
          try {
            const { insert, targets } = await import('./inserting');
            const open = targets(notebooks, consoles, editors);
            const target = open.find(one => one.widget === now) ?? open[0];
            await insert(target ?? null, code, trans);
          } catch (error) {
            refused(error);
          }
        }
      },
      describedBy
    });
    app.commands.addCommand(CommandIDs.copyCode, {
      label: trans.__('Copy Client Code'),
      caption: trans.__('Copy the code that connects to the cluster'),
      isEnabled: args => chosen(clusters, args) !== undefined,
      execute: args => {
        const cluster = chosen(clusters, args);
        if (cluster) {
          Clipboard.copyToSystem(clientCode(cluster));
        }
      },
      describedBy
    });
    const category = trans.__('Clusters');
    palette?.addItem({ command: CommandIDs.insertCode, category });
    palette?.addItem({ command: CommandIDs.copyCode, category });
  }
};
