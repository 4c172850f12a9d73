export { List } from './list';
export { Selected } from './selected';
