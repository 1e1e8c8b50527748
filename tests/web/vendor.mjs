// Copies the files of swagger-ui for the documentation page from the pinned npm package. It
// compresses the large ones.
import { readFileSync, writeFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

export const source = new URL('../node_modules/swagger-ui-dist/', import.meta.url);
export const target = new URL('../../impl/web/docs/', import.meta.url);
export const compressed = ['swagger-ui-bundle.js', 'swagger-ui.css'];
export const plain = ['LICENSE', 'NOTICE'];

/** Reads a file without the line that names its source map, which is not embedded. */
export const read = (name) =>
  readFileSync(new URL(name, source), 'utf8').replace(
    /\n?(\/\/|\/\*)# sourceMappingURL=\S+( \*\/)?\s*$/,
    '\n',
  );

if (process.argv[1] === new URL(import.meta.url).pathname) {
  for (const name of compressed)
    writeFileSync(new URL(`${name}.gz`, target), gzipSync(read(name), { level: 9 }));
  for (const name of plain) writeFileSync(new URL(name, target), read(name));
}
