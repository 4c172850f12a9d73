/** What a profile's page says of places and values, and what a search finds. Pure. */
import type { TranslationBundle } from '@jupyterlab/translation';

import type { IPlace, ISetting } from '../../cluster/state';

/** A place for a person; within the profile's folder by the file's name alone, unless it is to be found by it. */
export function placeWords(
  place: IPlace,
  folder: string,
  trans: TranslationBundle,
  whole = false
): string {
  const { file, line } = place;
  if (whole) {
    return line === null ? file : `${file}:${line}`;
  }
  const short = fileWords(file, folder);
  return line === null ? short : trans.__('%1, line %2', short, line);
}

function fileWords(file: string, folder: string): string {
  return file.startsWith(`${folder}/`) ? file.slice(folder.length + 1) : file;
}

/** A value as it would be written in a file of JSON; long text as it reads. */
export function valueWords(value: unknown): string {
  return typeof value === 'string' && value.includes('\n')
    ? value
    : JSON.stringify(value, null, 1).replace(/\n\s*/g, ' ');
}

/** The settings in which every word of `text` is found, in name, value or file as they are shown. */
export function matching(
  settings: readonly ISetting[],
  folder: string,
  text: string
): readonly ISetting[] {
  const words = text
    .toLowerCase()
    .split(/\s+/)
    .filter(word => word !== '');
  return settings.filter(setting => {
    const said = [
      setting.name,
      valueWords(setting.value),
      fileWords(setting.file, folder)
    ]
      .join('\n')
      .toLowerCase();
    return words.every(word => said.includes(word));
  });
}
