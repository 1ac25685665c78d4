// Lists the extensions of files, because `mug@2x.png` and `onPress@main.jsbundle` are not e-mail addresses. Extensions that are
// also a country's domain (`md`, `py`, `rs`, `pl`, `sh`, `so`, `ai`, `br`, `do`, `bz`) or `mobi` are omitted, because people
// have addresses there. `zip` and `mov` are included, because such files are far more common than such addresses.

export const FILE_EXTENSIONS: ReadonlySet<string> = new Set(
  // Pictures, sound, film.
  (
    "png jpg jpeg jpe jfif gif webp avif apng svg svgz ico icns bmp tif tiff heic heif psd eps raw jxl " +
    "mp3 mp4 m4a m4v wav ogg oga ogv opus flac aac webm mov avi mkv mpg mpeg wmv flv srt vtt " +
    // Pages, code, what is built from it.
    "html htm xhtml shtml php phtml asp aspx jsp jspx cgi js mjs cjs jsx ts tsx mts cts vue svelte css scss sass less " +
    "styl map wasm hbc jsbundle bundle chunk min java class jar kt kts swift dart lua rb erb go cpp hpp cxx hxx csproj " +
    "dll exe bin dmg pkg deb rpm apk aab ipa msi framework dylib appx " +
    // Data, documents, packages.
    "json jsonc json5 ndjson jsonl geojson xml xsl xslt xsd yaml yml toml ini cfg conf properties env lock log txt text csv " +
    "tsv sql sqlite db parquet avro proto graphql gql pdf doc docx odt rtf xls xlsx ods ppt pptx odp pages numbers keynote " +
    "epub ics vcf eml zip gz tgz tbz xz txz tar rar zst iso bak tmp old orig " +
    // Fonts, models.
    "woff woff2 ttf otf eot glb gltf usdz obj stl fbx"
  ).split(" "),
);
