/**
 * Puts the code that connects a client where the person writes, without a
 * pointer: a new cell, a console's prompt, an editor's cursor; or the clipboard.
 * Never runs it, and never puts Python before another language's kernel.
 */
import type {
  JupyterFrontEnd,
  JupyterFrontEndPlugin
} from '@jupyterlab/application';
import { Clipboard, ICommandPalette, Notification } from '@jupyterlab/apputils';
import { IConsoleTracker } from '@jupyterlab/console';
import { IEditorTracker } from '@jupyterlab/fileeditor';
import { INotebookTracker } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';
import { ITranslator, nullTranslator } from '@jupyterlab/translation';

import { clientCode } from '../cluster/clientcode';
import { CommandIDs, IClusters } from '../tokens';
import { KEY, chosen } from './chosen';
import type { ITarget } from './targets';
import { consoleTarget, editorTarget, notebookTarget } from './targets';

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
    const target = (): ITarget | null => {
      const open = [
        notebookTarget(notebooks?.currentWidget ?? null),
        consoleTarget(consoles?.currentWidget ?? null),
        editorTarget(editors?.currentWidget ?? null)
      ].filter(one => one !== null);
      // What is looked at now goes before what was looked at once.
      const now = app.shell.currentWidget;
      return open.find(one => one.widget === now) ?? open[0] ?? null;
    };
    const describedBy = { args: { type: 'object', properties: KEY } };
    app.commands.addCommand(CommandIDs.insertCode, {
      label: trans.__('Insert Client Code'),
      caption: trans.__('Insert the code that connects to the cluster'),
      isEnabled: args => chosen(clusters, args) !== undefined,
      execute: async args => {
        const cluster = chosen(clusters, args);
        if (cluster) {
          await insert(target(), clientCode(cluster), trans);
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

/** Insert, or say why not and offer the clipboard. */
async function insert(
  target: ITarget | null,
  code: string,
  trans: TranslationBundle
): Promise<void> {
  const language = target ? await target.language() : '';
  let why = '';
  if (!target) {
    why = trans.__('No notebook, console or editor is open.');
  } else if (!['', 'python', 'ipython'].includes(language.toLowerCase())) {
    why = trans.__('The client code is Python; this is %1.', language);
  } else if (!target.insert(code)) {
    why = trans.__('This cannot be edited.');
  }
  if (why) {
    const label = trans.__('Copy Client Code');
    const callback = () => Clipboard.copyToSystem(code);
    Notification.warning(why, {
      autoClose: 8000,
      actions: [{ label, callback }]
    });
  }
}
