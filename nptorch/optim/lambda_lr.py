"""Learning rates that change from step to step (notebooks/07_training.ipynb)."""

from nptorch.checks import number


class LambdaLR:
    """optimizer.lr is its first value times lr_lambda(n): n is 0 at once, one more after a step().
    base_lrs holds the first value, also for a second scheduler of the same optimizer, as in
    torch.optim.lr_scheduler. Raises ValueError for a rate below 0 or not finite."""

    def __init__(self, optimizer, lr_lambda):
        self.optimizer, self.lr_lambda, self.last_epoch = optimizer, lr_lambda, -1
        self.base_lrs = [vars(optimizer).setdefault("initial_lr", optimizer.lr)]
        self.step()

    def step(self):
        """Set the next learning rate."""
        self.last_epoch += 1
        self.optimizer.lr = number("lr", self.base_lrs[0] * self.lr_lambda(self.last_epoch))

    def get_last_lr(self):
        """The learning rate of now, in a list, as in PyTorch."""
        return [self.optimizer.lr]
