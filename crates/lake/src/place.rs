//! Where tables are: a folder on this machine, or a bucket of an S3 store.

use crate::error::LakeError;
use bytes::Bytes;
use futures_util::TryStreamExt;
use object_store::aws::AmazonS3Builder;
use object_store::client::{Certificate, ClientOptions};
use object_store::local::LocalFileSystem;
use object_store::path::Path as Name;
use object_store::{
    BackoffConfig, Error as StoreError, ObjectMeta, ObjectStore, ObjectStoreExt, PutMode, PutOptions,
    PutPayload, RetryConfig,
};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// How long a connection may take to stand.
const CONNECT: Duration = Duration::from_secs(5);
/// How long one request may take, a data file on a slow line included.
const REQUEST: Duration = Duration::from_secs(60);
/// Attempts after the first one, and how long they may take together.
const RETRIES: usize = 3;
const RETRYING: Duration = Duration::from_secs(20);

/// Which place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Whereabouts {
    /// A folder on this machine.
    Folder(PathBuf),
    /// A bucket.
    Bucket(Bucket),
}

/// A bucket of an S3 store, or a part of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bucket {
    /// Its name.
    pub name: String,
    /// What every name in it begins with; without slashes at its ends; may be empty.
    pub prefix: String,
    /// Address of the store; AWS if there is none.
    pub endpoint: Option<String>,
    /// Region; what the store calls it.
    pub region: String,
    /// Certificates of authorities to trust, PEM; the usual ones if there are none.
    pub ca: Option<Vec<u8>>,
}

/// A key of an S3 store.
#[derive(Clone)]
pub struct Key {
    /// Its public part.
    pub id: String,
    /// Its secret part.
    pub secret: String,
}

/// Opens a place anew for each reader, with the key that counts then.
pub type Opener = Arc<dyn Fn() -> Result<Place, LakeError> + Send + Sync>;

/// A place that is open. A cheap handle.
#[derive(Clone, Debug)]
pub struct Place {
    store: Arc<dyn ObjectStore>,
    /// Before every name, in the store.
    prefix: Name,
    /// As metadata name it, without a slash at its end: `file:///srv/lake/samples`, `s3://bucket/lake/samples`.
    location: String,
    /// The folder, if it is one.
    folder: Option<PathBuf>,
}

impl Place {
    /// Opens a place. Makes its folder if that is missing and `make` is set; no other IO.
    ///
    /// # Errors
    /// The folder is not there and cannot be made, or the bucket's address or certificates are wrong.
    pub fn open(at: &Whereabouts, key: Option<&Key>, make: bool) -> Result<Self, LakeError> {
        match at {
            Whereabouts::Folder(folder) => Self::folder(folder, make),
            Whereabouts::Bucket(bucket) => Self::bucket(bucket, key),
        }
    }

    fn folder(folder: &Path, make: bool) -> Result<Self, LakeError> {
        let wrong = |why: &dyn std::fmt::Display| {
            LakeError::Unreachable(format!("the folder {} cannot be used: {why}", folder.display()))
        };
        if make {
            std::fs::create_dir_all(folder).map_err(|why| wrong(&why))?;
        }
        let folder = folder.canonicalize().map_err(|why| wrong(&why))?;
        let store = LocalFileSystem::new_with_prefix(&folder).map_err(|why| wrong(&why))?;
        let location = format!("file://{}", folder.display());
        Ok(Self { store: Arc::new(store), prefix: Name::default(), location, folder: Some(folder) })
    }

    fn bucket(bucket: &Bucket, key: Option<&Key>) -> Result<Self, LakeError> {
        let wrong = |why: StoreError| LakeError::Unfit(format!("the bucket {}: {why}", bucket.name));
        let mut options = ClientOptions::new()
            .with_connect_timeout(CONNECT)
            .with_timeout(REQUEST)
            .with_allow_http(bucket.endpoint.as_ref().is_some_and(|at| at.starts_with("http://")));
        if let Some(pem) = &bucket.ca {
            for authority in Certificate::from_pem_bundle(pem).map_err(wrong)? {
                options = options.with_root_certificate(authority);
            }
        }
        let backoff = BackoffConfig { max_backoff: Duration::from_secs(2), ..BackoffConfig::default() };
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(&bucket.name)
            .with_region(&bucket.region)
            .with_client_options(options)
            .with_retry(RetryConfig { backoff, max_retries: RETRIES, retry_timeout: RETRYING });
        if let Some(endpoint) = &bucket.endpoint {
            builder = builder.with_endpoint(endpoint).with_virtual_hosted_style_request(false);
        }
        builder = match key {
            Some(key) => builder.with_access_key_id(&key.id).with_secret_access_key(&key.secret),
            None => builder.with_skip_signature(true),
        };
        let store = builder.build().map_err(wrong)?;
        let prefix = Name::from(bucket.prefix.as_str());
        let location = format!("s3://{}/{prefix}", bucket.name).trim_end_matches('/').to_owned();
        Ok(Self { store: Arc::new(store), prefix, location, folder: None })
    }

    /// A part of this place.
    #[must_use]
    pub fn below(&self, name: &str) -> Self {
        Self {
            store: Arc::clone(&self.store),
            prefix: self.prefix.clone().join(name),
            location: format!("{}/{name}", self.location),
            folder: self.folder.as_ref().map(|folder| folder.join(name)),
        }
    }

    /// As metadata and other programs name it.
    pub fn location(&self) -> &str {
        &self.location
    }

    pub(crate) fn store(&self) -> Arc<dyn ObjectStore> {
        Arc::clone(&self.store)
    }

    /// The full name of something here.
    pub(crate) fn name(&self, name: &str) -> Name {
        name.split('/').fold(self.prefix.clone(), |all, part| all.join(part))
    }

    /// As metadata name something here.
    pub(crate) fn uri(&self, name: &str) -> String {
        format!("{}/{name}", self.location)
    }

    /// The name here of what metadata name; `was` is where the table says it is, which differs if it was moved.
    pub(crate) fn local<'a>(&self, uri: &'a str, was: &str) -> Option<&'a str> {
        let below = |from: &str| uri.strip_prefix(from.trim_end_matches('/'))?.strip_prefix('/');
        below(&self.location).or_else(|| below(was))
    }

    /// The bytes of something, if it is there.
    pub(crate) async fn get(&self, name: &str) -> Result<Option<Bytes>, LakeError> {
        let doing = || format!("reading {}", self.uri(name));
        let got = match self.store.get(&self.name(name)).await {
            Ok(got) => got,
            Err(StoreError::NotFound { .. }) => return Ok(None),
            Err(why) => return Err(LakeError::store(why, &doing())),
        };
        got.bytes().await.map(Some).map_err(|why| LakeError::store(why, &doing()))
    }

    /// Whether something is there.
    pub(crate) async fn has(&self, name: &str) -> Result<bool, LakeError> {
        match self.store.head(&self.name(name)).await {
            Ok(_) => Ok(true),
            Err(StoreError::NotFound { .. }) => Ok(false),
            Err(why) => Err(LakeError::store(why, &format!("looking for {}", self.uri(name)))),
        }
    }

    /// Writes something, also over what is there; durable on return.
    pub(crate) async fn put(&self, name: &str, bytes: Bytes) -> Result<(), LakeError> {
        self.write(name, bytes, PutMode::Overwrite).await.map(|_| ())
    }

    /// Writes something that must not be there yet; `false` if it is. Durable on return.
    pub(crate) async fn create(&self, name: &str, bytes: Bytes) -> Result<bool, LakeError> {
        self.write(name, bytes, PutMode::Create).await
    }

    async fn write(&self, name: &str, bytes: Bytes, mode: PutMode) -> Result<bool, LakeError> {
        let doing = format!("writing {}", self.uri(name));
        if let Some(folder) = &self.folder {
            let (file, over) = (folder.join(name), mode == PutMode::Overwrite);
            let written = tokio::task::spawn_blocking(move || durable(&file, &bytes, over)).await;
            return match written.unwrap_or_else(|panic| Err(std::io::Error::other(panic))) {
                Ok(()) => Ok(true),
                Err(why) if why.kind() == std::io::ErrorKind::AlreadyExists => Ok(false),
                Err(why) => Err(LakeError::Unreachable(format!("{doing}: {why}"))),
            };
        }
        let options = PutOptions { mode, ..PutOptions::default() };
        match self.store.put_opts(&self.name(name), PutPayload::from_bytes(bytes), options).await {
            Ok(_) => Ok(true),
            Err(StoreError::AlreadyExists { .. } | StoreError::Precondition { .. }) => Ok(false),
            Err(why) => Err(LakeError::store(why, &doing)),
        }
    }

    /// What is below `name`, at most `most` things.
    pub(crate) async fn list(&self, name: &str, most: usize) -> Result<Vec<ObjectMeta>, LakeError> {
        use futures_util::StreamExt;
        let all = self.store.list(Some(&self.name(name))).take(most).try_collect().await;
        all.map_err(|why| LakeError::store(why, &format!("listing {}", self.uri(name))))
    }

    /// The name here of something listed.
    pub(crate) fn listed<'a>(&self, one: &'a ObjectMeta) -> Option<&'a str> {
        let full = one.location.as_ref();
        if self.prefix.as_ref().is_empty() {
            return Some(full);
        }
        full.strip_prefix(self.prefix.as_ref())?.strip_prefix('/')
    }

    /// Removes something; it may be gone already.
    pub(crate) async fn delete(&self, name: &str) -> Result<(), LakeError> {
        match self.store.delete(&self.name(name)).await {
            Ok(()) | Err(StoreError::NotFound { .. }) => Ok(()),
            Err(why) => Err(LakeError::store(why, &format!("removing {}", self.uri(name)))),
        }
    }
}

/// Writes a file that is whole or not there, and stays after a power cut.
fn durable(file: &Path, bytes: &[u8], over: bool) -> std::io::Result<()> {
    let folder = file.parent().unwrap_or_else(|| Path::new("/"));
    std::fs::create_dir_all(folder)?;
    let temporary = folder.join(format!(".{:016x}.tmp", crate::table::random()));
    let written = std::fs::File::create_new(&temporary).and_then(|mut out| {
        out.write_all(bytes)?;
        out.sync_all()
    });
    let placed = written.and_then(|()| {
        if over { std::fs::rename(&temporary, file) } else { std::fs::hard_link(&temporary, file) }
    });
    if !(over && placed.is_ok())
        && let Err(why) = std::fs::remove_file(&temporary)
        && why.kind() != std::io::ErrorKind::NotFound
    {
        tracing::warn!(file = %temporary.display(), %why, "a temporary file could not be removed");
    }
    placed?;
    std::fs::File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_there_is_never_made_twice() {
        let dir = tempfile::tempdir().unwrap();
        let place = Place::open(&Whereabouts::Folder(dir.path().join("new")), None, true).unwrap().below("t");
        assert!(place.get("metadata/v1").await.unwrap().is_none());
        assert!(place.create("metadata/v1", Bytes::from_static(b"a")).await.unwrap());
        assert!(!place.create("metadata/v1", Bytes::from_static(b"b")).await.unwrap());
        assert_eq!(place.get("metadata/v1").await.unwrap().unwrap(), Bytes::from_static(b"a"));
        place.put("metadata/v1", Bytes::from_static(b"c")).await.unwrap();
        assert_eq!(place.get("metadata/v1").await.unwrap().unwrap(), Bytes::from_static(b"c"));
        let all = place.list("metadata", 10).await.unwrap();
        assert_eq!(all.iter().filter_map(|one| place.listed(one)).collect::<Vec<_>>(), ["metadata/v1"]);
        place.delete("metadata/v1").await.unwrap();
        place.delete("metadata/v1").await.unwrap();
        assert!(!place.has("metadata/v1").await.unwrap());
    }

    #[test]
    fn names_follow_a_table_that_was_moved() {
        let dir = tempfile::tempdir().unwrap();
        let place = Place::open(&Whereabouts::Folder(dir.path().into()), None, false).unwrap();
        let here = place.uri("data/x.parquet");
        assert_eq!(place.local(&here, "s3://a/b"), Some("data/x.parquet"));
        assert_eq!(place.local("s3://a/b/data/x.parquet", "s3://a/b/"), Some("data/x.parquet"));
        assert_eq!(place.local("s3://a/bc/data/x.parquet", "s3://a/b"), None);
        assert!(Place::open(&Whereabouts::Folder(dir.path().join("none")), None, false).is_err());
    }
}
