import '@testing-library/jest-dom';

import { nullTranslator } from '@jupyterlab/translation';
import { act, render, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import React from 'react';

import { IdleLine, idleWords } from '../idle';

const trans = nullTranslator.load('jupyterlab_clusters');

it.each([
  [1800, 'stops in 30 min'],
  [121, 'stops in 3 min'],
  [119.2, 'stops in 120 s'],
  [0.4, 'stops in 1 s'],
  [-3, 'stopping now']
])('%d seconds left: %s', (left, words) => {
  expect(idleWords(left, trans)).toContain(words);
});

it('counts down, warns at the end, and can be kept', async () => {
  jest.useFakeTimers();
  const user = userEvent.setup({ advanceTimers: jest.advanceTimersByTime });
  const kept = jest.fn();
  const ends_at = new Date(Date.now() + 150 * 1000).toISOString();
  const { container } = render(
    <IdleLine
      idle={{ since: '2026-11-21T11:20:00Z', ends_at }}
      name="default"
      disabled={false}
      trans={trans}
      onKeep={kept}
    />
  );
  expect(container).toHaveTextContent('stops in 3 min');
  expect(container.querySelector('.jlc-mod-warning')).toBeNull();
  act(() => void jest.advanceTimersByTime(60 * 1000));
  expect(container).toHaveTextContent('stops in 90 s');
  expect(container.querySelector('.jlc-mod-warning')).not.toBeNull();
  act(() => void jest.advanceTimersByTime(5 * 1000));
  expect(container).toHaveTextContent('stops in 85 s');
  await user.click(screen.getByRole('button', { name: 'Keep default' }));
  expect(kept).toHaveBeenCalledTimes(1);
  jest.useRealTimers();
});
