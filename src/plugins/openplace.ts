/** How a place in a file is opened. */
import type { JupyterFrontEnd } from '@jupyterlab/application';
import { Clipboard } from '@jupyterlab/apputils';
import { PageConfig } from '@jupyterlab/coreutils';
import type { IDocumentWidget } from '@jupyterlab/docregistry';
import type { FileEditor } from '@jupyterlab/fileeditor';

import type { IPlace } from '../cluster/state';
import { belowRoot } from './serverpath';

/** Opens a file where the server shows it to this window; else its place is copied. */
export async function open(
  app: JupyterFrontEnd,
  { file, line }: IPlace
): Promise<'opened' | 'copied'> {
  const path = belowRoot(PageConfig.getOption('serverRoot'), file);
  try {
    if (path !== null) {
      // Hidden folders are mostly not shown: asked before an error is seen.
      await app.serviceManager.contents.get(path, { content: false });
      const widget: IDocumentWidget<FileEditor> | undefined =
        await app.commands.execute('docmanager:open', {
          path,
          factory: 'Editor'
        });
      if (widget && line !== null) {
        await widget.context.ready;
        const position = { line: line - 1, column: 0 };
        widget.content.editor.setCursorPosition(position);
        widget.content.editor.revealPosition(position);
      }
      return 'opened';
    }
  } catch {
    // Not to be had here.
  }
  Clipboard.copyToSystem(line === null ? file : `${file}:${line}`);
  return 'copied';
}
