//! Who looks on: the taps and the log of frames.

mod frames;

pub(crate) use self::frames::FrameTap;
