import { counts } from '../counts';

it.each([
  [1, 0, [1, 2, 4]],
  [6, 0, [1, 2, 4, 6, 12, 24]],
  [2, 5, [1, 2, 4, 5, 8]]
])('offers for %d cores and %d present %j', (cores, present, offered) => {
  expect(counts(cores, present)).toEqual(offered);
});
