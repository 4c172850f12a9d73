/**
 * How a computer elsewhere connects to a running cluster: through ssh, or with
 * what stands in the connection file. The file holds the cluster's key: it is
 * asked for only when the person presses the button, and kept only here.
 */
import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useId, useState } from 'react';

import { elsewhereCode } from '../../cluster/clientcode';
import type { ICluster, IConnection } from '../../cluster/state';
import { commandLine } from '../common/commandline';
import { Text } from '../preview/preview';
import '../../../style/preview.css';

/** Properties of {@link Connect}. */
export interface IConnectProps {
  cluster: ICluster;
  /** Where it is, without the key. */
  place: IConnection;
  trans: TranslationBundle;
  /** The content of the connection file. */
  content(): Promise<string>;
  copy(text: string): void;
  save(name: string, text: string): void;
}

/** Both ways, one below the other. */
export function Connect(props: IConnectProps): JSX.Element {
  const { cluster, place, trans, copy } = props;
  const [server, serve] = useState(place.sshserver);
  const [shared, share] = useState(false);
  const id = useId();
  const file = place.path.split('/').pop() ?? place.path;
  return (
    <div className="jlc-Connect">
      <section aria-labelledby={`${id}-ssh`}>
        <h2 id={`${id}-ssh`}>{trans.__('By ssh')}</h2>
        <p>
          {trans.__(
            'For a computer that can log in to %1 by ssh without a question, and has Python with ipyparallel.',
            place.host
          )}
        </p>
        <div className="jlc-Connect-line">
          <label htmlFor={`${id}-server`}>
            {trans.__('ssh reaches it as')}
          </label>
          <input
            id={`${id}-server`}
            className="jp-mod-styled"
            spellCheck={false}
            value={server}
            onChange={event => serve(event.target.value.trim())}
          />
          <label>
            <input
              type="checkbox"
              checked={shared}
              onChange={event => share(event.target.checked)}
            />
            {trans.__('My home folder is the same there')}
          </label>
        </div>
        {!shared && (
          <Text
            title={trans.__('In a terminal there')}
            text={commandLine(['scp', `${server}:${place.path}`, '.'])}
            trans={trans}
            copy={copy}
          />
        )}
        <Text
          title={trans.__('In Python there')}
          text={elsewhereCode(cluster, shared ? null : file, server)}
          trans={trans}
          copy={copy}
        />
      </section>
      <File {...props} name={file} />
    </div>
  );
}

/** The content of the connection file, once it was asked for. */
function File(props: IConnectProps & { name: string }): JSX.Element {
  const { cluster, place, name, trans, copy } = props;
  const [content, show] = useState<string | null>(null);
  const [error, fail] = useState<string | null>(null);
  const id = useId();
  return (
    <section aria-labelledby={id}>
      <h2 id={id}>{trans.__('With the connection file')}</h2>
      <p>
        {trans.__(
          'For a computer to which you bring the file yourself. It holds the key of this cluster: anyone who has it can run code on the engines as you. Treat it as a password; it is worthless once the cluster has stopped.'
        )}
      </p>
      {content === null ? (
        <button
          type="button"
          className="jp-Button jp-mod-styled"
          onClick={() => {
            props.content().then(show, reason => fail(String(reason.message)));
          }}
        >
          {trans.__('Show the connection file')}
        </button>
      ) : (
        <>
          <Text title={name} text={content} trans={trans} copy={copy} />
          <div className="jlc-Connect-line">
            <button
              type="button"
              className="jp-Button jp-mod-styled"
              onClick={() => props.save(name, content)}
            >
              {trans.__('Save as a file')}
            </button>
          </div>
          {isLoopback(content) ? (
            <p>
              {trans.__(
                'The controller listens to its own machine only, so other computers need ssh as well, as above.'
              )}
            </p>
          ) : (
            <Text
              title={trans.__('In Python beside the file')}
              text={elsewhereCode(cluster, name, null)}
              trans={trans}
              copy={copy}
            />
          )}
        </>
      )}
      {error !== null && (
        <p className="jlc-NewCluster-fault" role="alert">
          {error}
        </p>
      )}
      <p>{trans.__('On %1 it is %2.', place.host, place.path)}</p>
    </section>
  );
}

/** Whether a controller can be reached from its own machine only. */
function isLoopback(content: string): boolean {
  return /"interface":\s*"tcp:\/\/(127\.|localhost|\[::1\])/.test(content);
}
