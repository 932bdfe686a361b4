"""Hugging Face Trainer that saves when it is asked to stop and goes on from there (trainer.ini)."""
import json
import os
import signal
import sys
import time

import torch
from transformers import GPT2Config, GPT2LMHeadModel, Trainer, TrainerCallback, TrainingArguments
from transformers.trainer_utils import get_last_checkpoint

RUN = os.environ["TRIREME_RUN_DIR"]
STEPS, DELAY = int(os.environ["TRIREME_PARAM_steps"]), float(os.environ["TRIREME_PARAM_delay"])


class Report(TrainerCallback):
    asked = False

    def tell(self, state, **more):
        with open(f"{RUN}/metrics.jsonl", "a", encoding="utf-8") as log:
            print(json.dumps({"step": state.global_step, "steps": STEPS, **more}), file=log)

    def on_log(self, args, state, control, logs=None, **_):
        if "loss" in logs:
            self.tell(state, loss=float(logs["loss"]))

    def on_step_end(self, args, state, control, **_):
        time.sleep(DELAY)
        control.should_save = control.should_save or self.asked
        control.should_training_stop = control.should_training_stop or self.asked

    def on_save(self, args, state, control, **_):
        self.tell(state, saved_step=state.global_step)


class Texts(torch.utils.data.Dataset):
    def __len__(self):
        return 4 * STEPS

    def __getitem__(self, index):
        ids = torch.randint(64, (16,), generator=torch.Generator().manual_seed(index % 50))
        return {"input_ids": ids, "labels": ids}


report = Report()
signal.signal(signal.SIGTERM, lambda *_: setattr(report, "asked", True))
arguments = TrainingArguments(output_dir=f"{RUN}/trainer", max_steps=STEPS, per_device_train_batch_size=4, save_steps=50,
                              logging_steps=1, save_total_limit=2, use_cpu=True, seed=1, disable_tqdm=True, report_to=[])
torch.manual_seed(1)
model = GPT2LMHeadModel(GPT2Config(vocab_size=64, n_positions=16, n_embd=32, n_layer=1, n_head=2))
trainer = Trainer(model, arguments, train_dataset=Texts(), callbacks=[report])
last = get_last_checkpoint(arguments.output_dir) if os.path.isdir(arguments.output_dir) else None
trainer.train(resume_from_checkpoint=last)
sys.exit(75 if report.asked and trainer.state.global_step < STEPS else 0)
