//! Wrappers around an honest store that do one bad thing each.

use archive_store::memory::{MemoryStore, StoreWrapper};
use archive_store::{
    ErrorKind, ErrorScope, ListPage, ListRequest, ObjectStore, StorageError, UploadListing,
};

use super::scans::now;

/// Defect of a store's pages.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Garbling {
    RepeatsItsContinuation,
    RepeatsItsPage,
    IgnoresItsContinuation,
    EmptyForEver,
    BreaksOnPageTwo,
    StrayKey,
}

/// Store that garbles its pages.
pub(super) struct GarblingStore {
    pub(super) store: MemoryStore,
    pub(super) garbling: Garbling,
}

impl StoreWrapper for GarblingStore {
    type Store = MemoryStore;

    fn store(&self) -> &MemoryStore {
        &self.store
    }

    async fn page(&self, request: &ListRequest) -> Result<ListPage, StorageError> {
        match self.garbling {
            Garbling::RepeatsItsContinuation => self.page_that_continues_as_before(request).await,
            Garbling::RepeatsItsPage => self.first_object_again(request).await,
            Garbling::IgnoresItsContinuation => self.first_page_again(request).await,
            Garbling::EmptyForEver => Ok(empty_page(request)),
            Garbling::BreaksOnPageTwo => self.first_page_only(request).await,
            Garbling::StrayKey => self.page_with_stray_key(request).await,
        }
    }
}

impl GarblingStore {
    /// Returns the page that was asked for, with the continuation of the request.
    async fn page_that_continues_as_before(
        &self,
        request: &ListRequest,
    ) -> Result<ListPage, StorageError> {
        let page = self.store.list_page(request).await?;
        Ok(ListPage {
            next: request.continuation.clone().or(page.next),
            ..page
        })
    }

    /// Returns the first object alone, with a new continuation.
    async fn first_object_again(&self, request: &ListRequest) -> Result<ListPage, StorageError> {
        let mut page = self.first_page_again(request).await?;
        page.objects.truncate(1);
        Ok(page)
    }

    /// Returns the first page, with a new continuation.
    async fn first_page_again(&self, request: &ListRequest) -> Result<ListPage, StorageError> {
        let first_page = ListRequest {
            continuation: None,
            ..request.clone()
        };
        let page = self.store.list_page(&first_page).await?;
        Ok(ListPage {
            next: Some(next_number(request)),
            ..page
        })
    }

    /// Returns the first page; fails for any other.
    async fn first_page_only(&self, request: &ListRequest) -> Result<ListPage, StorageError> {
        if request.continuation.is_some() {
            let broken = StorageError::new(ErrorKind::Network, ErrorScope::Scan, "broken");
            return Err(broken);
        }
        self.store.list_page(request).await
    }

    /// Returns the page that was asked for, with an object from outside the prefix.
    async fn page_with_stray_key(&self, request: &ListRequest) -> Result<ListPage, StorageError> {
        let mut page = self.store.list_page(request).await?;
        if let Some(object) = page.objects.first_mut() {
            object.key = "elsewhere".into();
        }
        Ok(page)
    }
}

/// Returns a page without objects that continues.
fn empty_page(request: &ListRequest) -> ListPage {
    ListPage {
        next: Some(next_number(request)),
        ..ListPage::default()
    }
}

/// Returns a continuation that never came before.
fn next_number(request: &ListRequest) -> String {
    let continuation = request.continuation.as_deref();
    let number: u32 = continuation.map_or(0, |text| text.parse().unwrap());
    (number + 1).to_string()
}

/// Change of an archive between its listing and a second look at one of its backups.
#[derive(Clone, Copy)]
pub(super) enum Change {
    /// An object with this key arrives.
    Arrives(&'static str),
    /// The objects with these keys are deleted.
    Deleted(&'static [&'static str]),
}

/// Store that changes before the scan takes a second look.
pub(super) struct ChangingStore {
    pub(super) store: MemoryStore,
    pub(super) change: Change,
}

impl StoreWrapper for ChangingStore {
    type Store = MemoryStore;

    fn store(&self) -> &MemoryStore {
        &self.store
    }

    async fn page(&self, request: &ListRequest) -> Result<ListPage, StorageError> {
        let is_second_look = request.delimiter.is_none() && request.prefix != "p/";
        match self.change {
            Change::Arrives(key) if is_second_look => self.store.put(key, b"late", now()),
            Change::Deleted(keys) if is_second_look => {
                for key in keys {
                    self.store.remove(key);
                }
            }
            Change::Arrives(_) | Change::Deleted(_) => {}
        }
        self.store.list_page(request).await
    }
}

/// Store that refuses to list uploads.
pub(super) struct UploadRefusingStore {
    pub(super) store: MemoryStore,
}

impl StoreWrapper for UploadRefusingStore {
    type Store = MemoryStore;

    fn store(&self) -> &MemoryStore {
        &self.store
    }

    async fn uploads(&self, _: &str) -> Result<UploadListing, StorageError> {
        Err(StorageError::new(
            ErrorKind::Protocol,
            ErrorScope::RefusedCall,
            "not implemented",
        ))
    }
}
