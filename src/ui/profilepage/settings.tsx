/** Each setting of a profile with its value and the place that makes it, and a box to search them. */
import type { TranslationBundle } from '@jupyterlab/translation';
import React, { useId, useState } from 'react';

import type { IPlace, IProfile } from '../../cluster/state';
import { visible } from '../../logs/visible';
import { Place } from './place';
import { matching, placeWords, valueWords } from './words';

/** Properties of {@link Settings}. */
export interface ISettingsProps {
  profile: IProfile;
  trans: TranslationBundle;
  onOpen(place: IPlace): void;
}

/** The table. */
export function Settings(props: ISettingsProps): JSX.Element {
  const { profile, trans } = props;
  const [text, search] = useState('');
  const id = useId();
  const found = matching(profile.settings, profile.path, text);
  return (
    <section className="jlc-Settings" aria-labelledby={id}>
      <div className="jlc-Settings-head">
        <h2 id={id}>{trans.__('What its files set')}</h2>
        <input
          type="search"
          className="jp-mod-styled"
          aria-label={trans.__('Search settings')}
          placeholder={trans.__('Search')}
          value={text}
          onChange={event => search(event.target.value)}
        />
        <span role="status">
          {text !== '' &&
            trans.__('%1 of %2', found.length, profile.settings.length)}
        </span>
      </div>
      {profile.settings.length === 0 && !profile.loading && (
        <p>
          {trans.__(
            'Its files set nothing: clusters of it start with the defaults.'
          )}
        </p>
      )}
      {found.length > 0 && (
        <table>
          <thead>
            <tr>
              <th scope="col">{trans.__('Setting')}</th>
              <th scope="col">{trans.__('Value')}</th>
              <th scope="col">{trans.__('Where it is set')}</th>
            </tr>
          </thead>
          <tbody>
            {found.map(setting => (
              <tr key={`${setting.name} ${setting.file}`}>
                <th scope="row">{setting.name}</th>
                <td>
                  <code>{visible(valueWords(setting.value), '\t\n')}</code>
                </td>
                <td>
                  <Place {...props} place={setting} />
                  {setting.overrides && (
                    <div className="jlc-Settings-overrides">
                      {trans.__(
                        'overrides %1',
                        placeWords(setting.overrides, profile.path, trans)
                      )}
                    </div>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      )}
    </section>
  );
}
