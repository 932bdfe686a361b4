"""PyTorch Lightning that saves when it is asked to stop and goes on from there (lightning.ini)."""
import json
import os
import signal
import sys
import time

import pytorch_lightning as pl
import torch
from pytorch_lightning.plugins.environments import LightningEnvironment

RUN = os.environ["TRIREME_RUN_DIR"]
STEPS, DELAY = int(os.environ["TRIREME_PARAM_steps"]), float(os.environ["TRIREME_PARAM_delay"])
LAST = f"{RUN}/last.ckpt"


class Net(pl.LightningModule):
    def __init__(self):
        super().__init__()
        self.net = torch.nn.Sequential(torch.nn.Linear(8, 64), torch.nn.Tanh(), torch.nn.Linear(64, 1))

    def training_step(self, *_):
        time.sleep(DELAY)
        # Keyed by the step: a loader starts from its beginning when Lightning goes on in the middle of an epoch.
        x = torch.randn(32, 8, generator=torch.Generator().manual_seed(self.global_step))
        return (self.net(x) - x.sum(1, keepdim=True).sin()).pow(2).mean()

    def configure_optimizers(self):
        return torch.optim.AdamW(self.parameters(), lr=1e-2)


class Report(pl.Callback):
    asked = False

    def on_train_start(self, trainer, module):
        signal.signal(signal.SIGTERM, lambda *_: setattr(self, "asked", True))  # instead of Lightning's own handler

    def on_train_batch_end(self, trainer, module, outputs, batch, index):
        step = trainer.global_step
        save = self.asked or step % 50 == 0 or step == STEPS
        if save:
            trainer.save_checkpoint(f"{RUN}/new.ckpt")
            os.replace(f"{RUN}/new.ckpt", LAST)
        with open(f"{RUN}/metrics.jsonl", "a", encoding="utf-8") as log:
            line = {"step": step, "steps": STEPS, "loss": outputs["loss"].item()}
            print(json.dumps(line | ({"saved_step": step} if save else {})), file=log)
        trainer.should_stop = trainer.should_stop or self.asked


pl.seed_everything(1)
report = Report()
trainer = pl.Trainer(max_steps=STEPS, accelerator="cpu", callbacks=[report], logger=False, enable_checkpointing=False,
                     enable_progress_bar=False, enable_model_summary=False, plugins=[LightningEnvironment()])
resume = os.environ["TRIREME_RESUME"] == "1" and os.path.exists(LAST)
trainer.fit(Net(), torch.utils.data.DataLoader(range(STEPS), batch_size=None), ckpt_path=LAST if resume else None)
sys.exit(75 if report.asked and trainer.global_step < STEPS else 0)
