/** Puts code into what is open, or says why not. */
import { Clipboard, Notification } from '@jupyterlab/apputils';
import type { IConsoleTracker } from '@jupyterlab/console';
import type { IEditorTracker } from '@jupyterlab/fileeditor';
import type { INotebookTracker } from '@jupyterlab/notebook';
import type { TranslationBundle } from '@jupyterlab/translation';

import type { ITarget } from './targets';
import { consoleTarget, editorTarget, notebookTarget } from './targets';

/** What of each kind was looked at last. */
export function targets(
  notebooks: INotebookTracker | null,
  consoles: IConsoleTracker | null,
  editors: IEditorTracker | null
): ITarget[] {
  return [
    notebookTarget(notebooks?.currentWidget ?? null),
    consoleTarget(consoles?.currentWidget ?? null),
    editorTarget(editors?.currentWidget ?? null)
  ].filter(one => one !== null);
}

/** Insert, or say why not and offer the clipboard. */
export async function insert(
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
