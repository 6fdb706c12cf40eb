//! The tasks of a run that are not the main stage.

use std::sync::Arc;

use crate::pipeline::{PipelineError, Stop, TimeLine};
use crate::sink::{Recorder, SinkFeed};
use crate::source::SourceInfo;

use super::{Asker, SideEvent, SideFeed, SideLine, SideOptions, SideTask};

/// Something that lasts as long as a run.
pub type Guard = Box<dyn std::any::Any + Send>;

/// What runs beside the main stage.
#[derive(Default)]
pub struct Beside {
    /// The tasks, the backbone first; none without.
    pub tasks: Vec<Box<dyn SideTask>>,
    /// How they run.
    pub options: SideOptions,
    /// Called once with the way to ask them; what it returns is dropped when the run ends.
    pub asker: Option<Box<dyn FnOnce(Asker) -> Guard + Send>>,
    /// Where every captured frame is recorded.
    pub recorder: Option<Recorder>,
}

impl Beside {
    /// Starts the thread of the tasks beside the main stage, when there are any.
    pub(in crate::pipeline) fn start(
        self,
        info: &SourceInfo,
        sinks: &[SinkFeed],
        stop: &Stop,
        side: &mut Option<SideLine>,
    ) -> Result<Option<SideFeed>, PipelineError> {
        let Self { tasks, mut options, asker, .. } = self;
        if tasks.is_empty() {
            return Ok(None);
        }
        // A live source does not wait for anybody.
        options.all &= !info.live;
        let (sinks, ends) = (sinks.to_vec(), stop.clone());
        let tell = move |event: &SideEvent| {
            let event = Arc::new(event.clone());
            sinks.iter().for_each(|sink| sink.tell(&event, &ends));
        };
        let (tell, times) = (Box::new(tell), TimeLine::new(info));
        let (mut line, feed, ask) = SideLine::start(tasks, options, times, stop, tell)?;
        if let Some(asker) = asker {
            line.keep(asker(ask));
        }
        *side = Some(line);
        Ok(Some(feed))
    }
}
