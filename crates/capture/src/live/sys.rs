//! What only the kernel can do: a packet socket, its ring of blocks in shared memory, the state of an interface.
//!
//! ```text
//!   mapping   | block 0 | block 1 | ...                 each block: status word, header, packets
//!   status    0: the kernel's, it writes        1: ours, it is ready; we read it, then give it back
//! ```
//! The one file of Ironbridge with `unsafe` code. What has to be believed is in the `SAFETY` comments, and comes to this:
//!
//! - The mapping is as long as it was asked for, belongs to one [`Ring`], and is unmapped when that is dropped, never
//!   before: slices of it never leave a call that borrows the ring.
//! - A block is read only while its status says that it is ours; the kernel writes into it only while it is not
//!   (`Documentation/networking/packet_mmap.rst`, TPACKET_V3). The status word itself is only ever touched as an atomic.
//! - All other calls hand the kernel a pointer to a value of ours that outlives the call, with its own size.
//!
//! What the kernel wrote is data like any other: `block.rs` reads it with bounds, without `unsafe`.

#![allow(unsafe_code)]

use libc::{c_int, c_uint, c_ushort, c_void, socklen_t};
use std::ffi::{CStr, CString};
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};

/// Where the status of a block stands in it (`struct tpacket_block_desc`).
const STATUS: usize = 8;
/// Where a block begins for its reader: behind the status.
pub const HEAD: usize = 12;
/// Bytes of the smallest packet slot; only a bound for the kernel's arithmetic.
const SLOT: usize = 2048;
/// A block is handed over after this time even if it is not full, in milliseconds.
const RETIRE_MS: c_uint = 50;
/// `PACKET_IGNORE_OUTGOING` of `linux/if_packet.h`.
const IGNORE_OUTGOING: c_int = 23;
/// `PR_SET_NO_NEW_PRIVS` wants four further words.
const ZERO: libc::c_ulong = 0;

/// How a packet socket is opened.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    /// Bytes of a block; a multiple of the page size.
    pub block: usize,
    /// Blocks.
    pub blocks: usize,
    /// Bytes of a packet that are kept.
    pub snap: u32,
    /// Ask the card for packets that are not for us.
    pub promiscuous: bool,
}

/// A packet socket with its ring.
#[derive(Debug)]
pub struct Ring {
    map: NonNull<u8>,
    block: usize,
    blocks: usize,
    // Behind the mapping: fields are dropped after `drop`, which unmaps.
    socket: OwnedFd,
    /// Number of the interface.
    pub index: c_uint,
    /// Kind of its hardware (`ARPHRD_...`).
    pub hardware: u16,
}

// SAFETY: the mapping belongs to this value alone and is not bound to the thread that made it; a ring is used by one
// thread at a time, because everything that reads it borrows it mutably.
unsafe impl Send for Ring {}

/// What a wait ended with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Woken {
    /// There is a block, or there may be one.
    Ready,
    /// The time is over.
    Nothing,
    /// The socket has something to say: [`Ring::error`].
    Error,
}

fn done(result: c_int) -> io::Result<c_int> {
    if result < 0 { Err(io::Error::last_os_error()) } else { Ok(result) }
}

fn size_of<T>() -> socklen_t {
    // The structures here have a few dozen bytes.
    std::mem::size_of::<T>() as socklen_t
}

/// Sets an option of a socket; `T` must be what the option takes.
fn set<T>(socket: &OwnedFd, level: c_int, option: c_int, value: &T) -> io::Result<()> {
    let pointer = std::ptr::from_ref(value).cast::<c_void>();
    // SAFETY: the kernel reads `size_of::<T>()` bytes of `value`, which is borrowed for the call.
    done(unsafe { libc::setsockopt(socket.as_raw_fd(), level, option, pointer, size_of::<T>()) }).map(drop)
}

/// Reads an option of a socket; `T` is plain numbers, for which every value is valid.
fn get<T: Copy>(socket: &OwnedFd, level: c_int, option: c_int, mut value: T) -> io::Result<T> {
    let mut length = size_of::<T>();
    let pointer = std::ptr::from_mut(&mut value).cast::<c_void>();
    // SAFETY: the kernel writes at most `length` bytes, the size of `value`, which is borrowed for the call.
    done(unsafe { libc::getsockopt(socket.as_raw_fd(), level, option, pointer, &raw mut length) })?;
    Ok(value)
}

impl Ring {
    /// Opens a socket on the interface with this number.
    ///
    /// # Errors
    /// What the kernel says; `EPERM` without CAP_NET_RAW.
    pub fn open(index: c_uint, shape: Shape) -> io::Result<Self> {
        // No protocol yet: packets come only once everything is set.
        // SAFETY: takes numbers only.
        let raw = done(unsafe { libc::socket(libc::AF_PACKET, libc::SOCK_RAW | libc::SOCK_CLOEXEC, 0) })?;
        // SAFETY: a fresh descriptor that nobody else owns.
        let socket = unsafe { OwnedFd::from_raw_fd(raw) };
        set(&socket, libc::SOL_PACKET, libc::PACKET_VERSION, &(libc::tpacket_versions::TPACKET_V3 as c_int))?;
        keep_at_most(&socket, shape.snap)?;
        let number = |value: usize| c_uint::try_from(value).map_err(io::Error::other);
        let request = libc::tpacket_req3 {
            tp_block_size: number(shape.block)?,
            tp_block_nr: number(shape.blocks)?,
            tp_frame_size: number(SLOT)?,
            tp_frame_nr: number(shape.block / SLOT * shape.blocks)?,
            tp_retire_blk_tov: RETIRE_MS,
            tp_sizeof_priv: 0,
            tp_feature_req_word: 0,
        };
        set(&socket, libc::SOL_PACKET, libc::PACKET_RX_RING, &request)?;
        let map = map(&socket, shape.block * shape.blocks)?;
        let mut ring = Self { map, block: shape.block, blocks: shape.blocks, socket, index, hardware: 0 };
        ring.bind()?;
        if ring.hardware == libc::ARPHRD_LOOPBACK {
            // There every packet passes twice: sent, and received.
            set(&ring.socket, libc::SOL_PACKET, IGNORE_OUTGOING, &(1 as c_int))?;
        }
        if shape.promiscuous {
            let member = libc::packet_mreq {
                mr_ifindex: c_int::try_from(index).map_err(io::Error::other)?,
                mr_type: libc::PACKET_MR_PROMISC as c_ushort,
                mr_alen: 0,
                mr_address: [0; 8],
            };
            set(&ring.socket, libc::SOL_PACKET, libc::PACKET_ADD_MEMBERSHIP, &member)?;
        }
        Ok(ring)
    }

    fn bind(&mut self) -> io::Result<()> {
        let mut address = libc::sockaddr_ll {
            sll_family: libc::AF_PACKET as c_ushort,
            sll_protocol: (libc::ETH_P_ALL as u16).to_be(),
            sll_ifindex: c_int::try_from(self.index).map_err(io::Error::other)?,
            sll_hatype: 0,
            sll_pkttype: 0,
            sll_halen: 0,
            sll_addr: [0; 8],
        };
        let pointer = (&raw mut address).cast::<libc::sockaddr>();
        let mut length = size_of::<libc::sockaddr_ll>();
        // SAFETY: the kernel reads `length` bytes of `address`, its size.
        done(unsafe { libc::bind(self.socket.as_raw_fd(), pointer, length) })?;
        // SAFETY: the kernel writes at most `length` bytes into `address`, its size; it is plain numbers.
        done(unsafe { libc::getsockname(self.socket.as_raw_fd(), pointer, &raw mut length) })?;
        self.hardware = address.sll_hatype;
        Ok(())
    }

    /// Blocks of the ring.
    pub const fn blocks(&self) -> usize {
        self.blocks
    }

    fn status(&self, at: usize) -> Option<&AtomicU32> {
        (at < self.blocks).then(|| {
            // SAFETY: `at` is a block of the mapping, which lives as long as `self`; blocks begin at multiples of the page
            // size and `STATUS` at a multiple of 4, so the word is aligned; it is touched only as an atomic.
            unsafe { AtomicU32::from_ptr(self.map.add(at * self.block + STATUS).as_ptr().cast()) }
        })
    }

    /// Whether a block waits for us.
    pub fn is_ours(&self, at: usize) -> bool {
        self.status(at).is_some_and(|word| word.load(Ordering::Acquire) & libc::TP_STATUS_USER != 0)
    }

    /// Shows a block from [`HEAD`] on if it is ours, and gives it back to the kernel. Whether it was.
    pub fn read(&mut self, at: usize, look: impl FnOnce(&[u8])) -> bool {
        if !self.is_ours(at) {
            return false;
        }
        // SAFETY: the bytes are within the mapping, initialised (the kernel clears the pages), and the status, read with
        // acquire, says that they are ours: the kernel does not write them until it is stored again below. `look` cannot
        // keep them, its argument ends with the call. The status word itself is not among them.
        let bytes = unsafe {
            std::slice::from_raw_parts(
                self.map.add(at * self.block + HEAD).as_ptr().cast_const(),
                self.block.saturating_sub(HEAD),
            )
        };
        look(bytes);
        if let Some(word) = self.status(at) {
            word.store(libc::TP_STATUS_KERNEL, Ordering::Release);
        }
        true
    }

    /// Waits for a block.
    ///
    /// # Errors
    /// What the kernel says.
    pub fn wait(&self, patience_ms: c_int) -> io::Result<Woken> {
        let mut poll = libc::pollfd { fd: self.socket.as_raw_fd(), events: libc::POLLIN, revents: 0 };
        // SAFETY: one `pollfd`, borrowed for the call.
        match done(unsafe { libc::poll(&raw mut poll, 1, patience_ms) }) {
            Ok(0) => Ok(Woken::Nothing),
            Ok(_) if poll.revents & (libc::POLLERR | libc::POLLNVAL | libc::POLLHUP) != 0 => Ok(Woken::Error),
            Ok(_) => Ok(Woken::Ready),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Ok(Woken::Nothing),
            Err(error) => Err(error),
        }
    }

    /// What went wrong at the socket, once.
    ///
    /// # Errors
    /// It cannot be asked.
    pub fn error(&self) -> io::Result<c_int> {
        get(&self.socket, libc::SOL_SOCKET, libc::SO_ERROR, 0)
    }

    /// Packets that came, and those of them for which there was no room, since the last call.
    ///
    /// # Errors
    /// It cannot be asked.
    pub fn counts(&self) -> io::Result<(u32, u32)> {
        let zero = libc::tpacket_stats_v3 { tp_packets: 0, tp_drops: 0, tp_freeze_q_cnt: 0 };
        let counts = get(&self.socket, libc::SOL_PACKET, libc::PACKET_STATISTICS, zero)?;
        Ok((counts.tp_packets, counts.tp_drops))
    }

    /// Whether the interface is up and has its cable.
    ///
    /// # Errors
    /// It cannot be asked; it may be gone.
    pub fn is_up(&self, name: &str) -> io::Result<bool> {
        // SAFETY: all zeros are a valid `ifreq`: an empty name and numbers.
        let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
        for (place, byte) in request.ifr_name.iter_mut().take(libc::IFNAMSIZ - 1).zip(name.bytes()) {
            *place = byte.cast_signed() as libc::c_char;
        }
        // SAFETY: the kernel reads the name of `request`, which ends with a zero, and writes its flags.
        done(unsafe { libc::ioctl(self.socket.as_raw_fd(), libc::SIOCGIFFLAGS, &raw mut request) })?;
        // SAFETY: the call above wrote this member of the union; it is a number.
        let flags = c_int::from(unsafe { request.ifr_ifru.ifru_flags });
        Ok(flags & libc::IFF_UP != 0 && flags & libc::IFF_RUNNING != 0)
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        // SAFETY: the mapping of exactly this length was made by `map`, and nothing borrows it any more. An error could only
        // say that it was not one.
        unsafe { libc::munmap(self.map.as_ptr().cast(), self.block * self.blocks) };
    }
}

/// Lets packets be cut to `snap` bytes by a filter of one instruction: `ret #snap`.
fn keep_at_most(socket: &OwnedFd, snap: u32) -> io::Result<()> {
    let mut code = [libc::sock_filter { code: (libc::BPF_RET | libc::BPF_K) as u16, jt: 0, jf: 0, k: snap }];
    // The kernel copies the program during the call.
    let program = libc::sock_fprog { len: 1, filter: code.as_mut_ptr() };
    set(socket, libc::SOL_SOCKET, libc::SO_ATTACH_FILTER, &program)
}

fn map(socket: &OwnedFd, length: usize) -> io::Result<NonNull<u8>> {
    // SAFETY: a new mapping at a place that the kernel chooses; it touches nothing of ours.
    let at = unsafe {
        libc::mmap(
            std::ptr::null_mut(),
            length,
            libc::PROT_READ | libc::PROT_WRITE,
            libc::MAP_SHARED,
            socket.as_raw_fd(),
            0,
        )
    };
    if at == libc::MAP_FAILED {
        return Err(io::Error::last_os_error());
    }
    NonNull::new(at.cast()).ok_or_else(|| io::Error::other("mapped at zero"))
}

/// Number of an interface; `None` if there is none of that name.
pub fn index(name: &str) -> Option<c_uint> {
    let name = CString::new(name).ok()?;
    // SAFETY: reads a text that ends with a zero, borrowed for the call.
    let index = unsafe { libc::if_nametoindex(name.as_ptr()) };
    (index != 0).then_some(index)
}

/// Names of all interfaces.
pub fn names() -> Vec<String> {
    let mut names = Vec::new();
    // SAFETY: takes nothing; gives a list that ends with an entry of zeros, or null.
    let list = unsafe { libc::if_nameindex() };
    let mut at = list;
    // SAFETY: `at` stands within the list, in front of or at its last entry, which has no name; names end with a zero and
    // live until the list is freed below.
    while let Some(name) = NonNull::new(at).and_then(|at| NonNull::new(unsafe { at.read() }.if_name)) {
        // SAFETY: as above.
        names.push(unsafe { CStr::from_ptr(name.as_ptr()) }.to_string_lossy().into_owned());
        // SAFETY: the entry was not the last one, so there is one behind it.
        at = unsafe { at.add(1) };
    }
    if !list.is_null() {
        // SAFETY: the list as it was given, freed once.
        unsafe { libc::if_freenameindex(list) };
    }
    names
}

/// From now on this thread, and what it starts, can get no rights by running a program.
///
/// # Errors
/// What the kernel says.
pub fn no_new_rights() -> io::Result<()> {
    let one: libc::c_ulong = 1;
    // SAFETY: takes numbers only.
    done(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, one, ZERO, ZERO, ZERO) }).map(drop)
}
