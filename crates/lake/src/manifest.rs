//! Manifests and their lists: the library makes and reads them, in memory; what is written goes through the place.

use crate::error::LakeError;
use crate::place::Place;
use bytes::Bytes;
use iceberg::io::{FileIO, MemoryStorage, OutputFile};
use iceberg::spec::{
    DataFile, FormatVersion, Manifest, ManifestContentType, ManifestFile, ManifestList, ManifestListWriter,
    ManifestStatus, ManifestWriter, ManifestWriterBuilder, Snapshot, TableMetadata,
};
use std::collections::HashSet;
use std::sync::Arc;

/// A file of the table that holds rows, as its manifest has it.
#[derive(Clone, Debug)]
pub(crate) struct Live {
    pub file: DataFile,
    snapshot: i64,
    sequence: i64,
    file_sequence: Option<i64>,
}

fn wrong(doing: &'static str) -> impl Fn(iceberg::Error) -> LakeError {
    move |why| LakeError::table(&why, doing)
}

/// The manifests of a snapshot.
pub(crate) async fn list(
    place: &Place,
    table: &TableMetadata,
    of: &Snapshot,
) -> Result<Vec<ManifestFile>, LakeError> {
    let bytes = fetch(place, table, of.manifest_list()).await?;
    let list =
        ManifestList::parse_with_version(&bytes, table.format_version()).map_err(wrong("a manifest list"))?;
    Ok(list.consume_entries().into_iter().collect())
}

/// Reads a file that metadata name.
pub(crate) async fn fetch(place: &Place, table: &TableMetadata, uri: &str) -> Result<Bytes, LakeError> {
    let Some(name) = place.local(uri, table.location()) else {
        return Err(LakeError::Unfit(format!("{uri} lies outside the table {}", table.location())));
    };
    let gone = || LakeError::Gone(format!("{uri} is gone: somebody removed files of the table"));
    place.get(name).await?.ok_or_else(gone)
}

/// A manifest, with what its entries inherit.
async fn read(place: &Place, table: &TableMetadata, manifest: &ManifestFile) -> Result<Manifest, LakeError> {
    let bytes = fetch(place, table, &manifest.manifest_path).await?;
    let memory = FileIO::new_with_memory();
    let doing = wrong("a manifest");
    memory.new_output(&manifest.manifest_path).map_err(&doing)?.write(bytes).await.map_err(&doing)?;
    manifest.load_manifest(&memory).await.map_err(&doing)
}

/// Every file with rows that a manifest names.
///
/// # Errors
/// [`LakeError::Unfit`] where rows were deleted by a file of deletes, which we do not apply.
pub(crate) async fn live(
    place: &Place,
    table: &TableMetadata,
    manifest: &ManifestFile,
) -> Result<Vec<Live>, LakeError> {
    if manifest.content == ManifestContentType::Deletes {
        let what = "another program deleted single rows of it, and such files of deletes are not read here";
        return Err(LakeError::Unfit(format!(
            "the table {}: {what}; rewrite its data files there",
            table.location()
        )));
    }
    let manifest = read(place, table, manifest).await?;
    let live = manifest.entries().iter().filter(|entry| entry.status() != ManifestStatus::Deleted);
    Ok(live
        .map(|entry| Live {
            file: entry.data_file().clone(),
            snapshot: entry.snapshot_id().unwrap_or_default(),
            sequence: entry.sequence_number().unwrap_or_default(),
            file_sequence: entry.file_sequence_number,
        })
        .collect())
}

/// Makes the manifests and the list of one new snapshot.
pub(crate) struct Making<'a> {
    pub place: &'a Place,
    pub table: &'a TableMetadata,
    pub snapshot: i64,
    pub sequence: i64,
    memory: MemoryStorage,
    count: u32,
}

impl<'a> Making<'a> {
    pub fn new(place: &'a Place, table: &'a TableMetadata, snapshot: i64) -> Self {
        let sequence = table.next_sequence_number();
        Self { place, table, snapshot, sequence, memory: MemoryStorage::new(), count: 0 }
    }

    fn writer(&mut self) -> (ManifestWriter, String) {
        self.count += 1;
        let name = format!("metadata/ib-{:016x}-m{}.avro", self.snapshot, self.count);
        let output = OutputFile::new(Arc::new(self.memory.clone()), self.place.uri(&name));
        let schema = Arc::clone(self.table.current_schema());
        let spec = self.table.default_partition_spec().as_ref().clone();
        (ManifestWriterBuilder::new(output, Some(self.snapshot), schema, spec).build_v2_data(), name)
    }

    async fn close(&self, writer: ManifestWriter, name: &str) -> Result<ManifestFile, LakeError> {
        let manifest = writer.write_manifest_file().await.map_err(wrong("a manifest"))?;
        self.publish(name).await?;
        Ok(manifest)
    }

    /// Puts what was made in memory in its place.
    async fn publish(&self, name: &str) -> Result<(), LakeError> {
        use iceberg::io::Storage;
        let bytes = self.memory.read(&self.place.uri(name)).await.map_err(wrong("a manifest"))?;
        self.place.put(name, bytes).await
    }

    /// A manifest of new files.
    pub async fn added(&mut self, files: &[DataFile]) -> Result<ManifestFile, LakeError> {
        let (mut writer, name) = self.writer();
        for file in files {
            writer.add_file(file.clone(), -1).map_err(wrong("a manifest"))?;
        }
        self.close(writer, &name).await
    }

    /// One manifest instead of several: their files without those `removed`, which are marked so.
    pub async fn merged(
        &mut self,
        files: &[Live],
        removed: &HashSet<String>,
    ) -> Result<ManifestFile, LakeError> {
        let (mut writer, name) = self.writer();
        for one in files {
            let file = one.file.clone();
            if removed.contains(one.file.file_path()) {
                writer.add_delete_file(file, one.sequence, one.file_sequence)
            } else {
                writer.add_existing_file(file, one.snapshot, one.sequence, one.file_sequence)
            }
            .map_err(wrong("a manifest"))?;
        }
        self.close(writer, &name).await
    }

    /// The list of all manifests; returns where it is.
    pub async fn list(&self, manifests: Vec<ManifestFile>) -> Result<String, LakeError> {
        let name = format!("metadata/ib-{:016x}-list.avro", self.snapshot);
        let doing = wrong("a manifest list");
        let output = OutputFile::new(Arc::new(self.memory.clone()), self.place.uri(&name));
        let out = output.writer().await.map_err(&doing)?;
        let parent = self.table.current_snapshot_id();
        let mut writer = ManifestListWriter::v2(out, self.snapshot, parent, self.sequence);
        writer.add_manifests(manifests.into_iter()).map_err(&doing)?;
        writer.close().await.map_err(&doing)?;
        self.publish(&name).await?;
        Ok(self.place.uri(&name))
    }
}

/// Whether it is a version that we read.
pub(crate) fn readable(table: &TableMetadata) -> bool {
    table.format_version() == FormatVersion::V2
}
