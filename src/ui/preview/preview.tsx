/**
 * What a start would do, to be read and copied: notes first, then the very
 * script, the commands and the files. Plain text; nothing here starts anything.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useId, useState } from 'react';

import { commandLine } from '../common/commandline';
import type { IPreview } from '../../cluster/state';
import { visible } from '../../logs/visible';
import '../../../style/preview.css';

/** Properties of {@link Preview}. */
export interface IPreviewProps {
  preview: IPreview;
  trans: TranslationBundle;
  copy(text: string): void;
}

/** The preview of one start. */
export function Preview(props: IPreviewProps): JSX.Element {
  const { preview, trans } = props;
  const { notes, script, commands } = preview;
  // The script is shown once, under its own name.
  const files = preview.files.filter(file => file.text !== script);
  const place = preview.files.find(file => file.text === script)?.path;
  return (
    <div className="jlc-Preview">
      {notes.length > 0 && (
        <ul className="jlc-Preview-notes" aria-label={trans.__('Notes')}>
          {notes.map(note => (
            <li key={note}>{note}</li>
          ))}
        </ul>
      )}
      {script !== null && (
        <Text
          title={trans.__('Script')}
          place={place}
          text={script}
          {...props}
        />
      )}
      {commands.length > 0 && (
        <Text
          title={trans._n('Command', 'Commands', commands.length)}
          text={commands.map(commandLine).join('\n\n')}
          {...props}
        />
      )}
      {files.map(file => (
        <Text
          key={file.path}
          title={trans.__('File')}
          place={file.path}
          text={file.text}
          {...props}
        />
      ))}
    </div>
  );
}

/** Properties of {@link Text}. */
export interface ITextProps {
  title: string;
  place?: string;
  text: string;
  trans: TranslationBundle;
  copy(text: string): void;
}

/** Text as it stands, with a button that copies it. */
export function Text(props: ITextProps): JSX.Element {
  const { title, place, text, trans, copy } = props;
  const [copied, tell] = useState(false);
  const id = useId();
  return (
    <section className="jlc-Text" aria-labelledby={id}>
      <div className="jlc-Text-head">
        <span id={id} className="jlc-Text-title">
          {title}
        </span>
        {place && <span className="jlc-Text-place">{place}</span>}
        <span role="status" className="jlc-Text-copied">
          {copied && trans.__('Copied.')}
        </span>
        <button
          type="button"
          className="jp-Button jp-mod-styled"
          aria-label={trans.__('Copy: %1', title)}
          onClick={() => {
            copy(text);
            tell(true);
          }}
        >
          {trans.__('Copy')}
        </button>
      </div>
      <pre tabIndex={0} aria-labelledby={id}>
        {visible(text, '\t\n')}
      </pre>
    </section>
  );
}
