/** Where code can be put: each kind of document says its language and takes text. */
import type { ISessionContext } from '@jupyterlab/apputils';
import type { CodeEditor } from '@jupyterlab/codeeditor';
import type { ConsolePanel } from '@jupyterlab/console';
import type { IDocumentWidget } from '@jupyterlab/docregistry';
import type { FileEditor } from '@jupyterlab/fileeditor';
import type { NotebookPanel } from '@jupyterlab/notebook';
import type { Widget } from '@lumino/widgets';

import { codeCell } from '../ui/drag/drag';

/** A place for code. */
export interface ITarget {
  readonly widget: Widget;
  /** The language that is written there; empty when nothing says. */
  language(): Promise<string>;
  /** Whether the code was taken. */
  insert(code: string): boolean;
}

/** The language of the kernel, by its spec: a busy kernel is not asked. */
async function kernelLanguage(session: ISessionContext): Promise<string> {
  const spec = await session.session?.kernel?.spec;
  return spec?.language ?? '';
}

/** A new cell below the active one. */
export function notebookTarget(panel: NotebookPanel | null): ITarget | null {
  return (
    panel && {
      widget: panel,
      language: async () =>
        (await kernelLanguage(panel.sessionContext)) ||
        (panel.model?.defaultKernelLanguage ?? ''),
      insert: code => {
        const { model, content } = panel;
        if (!model || model.readOnly) {
          return false;
        }
        const index = content.activeCellIndex + 1;
        model.sharedModel.insertCell(index, codeCell(code));
        content.deselectAll();
        content.activeCellIndex = index;
        return true;
      }
    }
  );
}

/** The prompt of a console, at its cursor. */
export function consoleTarget(panel: ConsolePanel | null): ITarget | null {
  return (
    panel && {
      widget: panel,
      language: () => kernelLanguage(panel.sessionContext),
      insert: code => type(panel.console.promptCell?.editor, code)
    }
  );
}

/** A text file, at its cursor. */
export function editorTarget(
  document: IDocumentWidget<FileEditor> | null
): ITarget | null {
  return (
    document && {
      widget: document,
      // Any text may hold Python, as documents and lists of commands do.
      language: async () => '',
      insert: code =>
        !document.context.model.readOnly && type(document.content.editor, code)
    }
  );
}

/** Type over the selection. */
function type(
  editor: CodeEditor.IEditor | null | undefined,
  code: string
): boolean {
  if (!editor?.replaceSelection) {
    return false;
  }
  editor.replaceSelection(code);
  editor.focus();
  return true;
}
